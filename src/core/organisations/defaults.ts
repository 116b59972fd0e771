/** The initial contents of an organisation (Tracker contract, section 1; Kanboard contract, section 5). */

export type Profile = 'tracker' | 'kanboard';

export const DEFAULT_STATUSES = [
  { status_id: 1, key: 'open', name_ru: 'Открыт', name_en: 'Open', type: 'new', position: 1 },
  { status_id: 2, key: 'inProgress', name_ru: 'В работе', name_en: 'In progress', type: 'inProgress', position: 2 },
  { status_id: 3, key: 'needInfo', name_ru: 'Требуется информация', name_en: 'Need info', type: 'paused', position: 3 },
  { status_id: 4, key: 'resolved', name_ru: 'Решён', name_en: 'Resolved', type: 'done', position: 4 },
  { status_id: 5, key: 'closed', name_ru: 'Закрыт', name_en: 'Closed', type: 'done', position: 5 },
] as const;

/** The columns of a new Kanboard project. Each has the status with its English name, which is created if missing. */
export const DEFAULT_COLUMNS = [
  { key: 'backlog', name_ru: 'Бэклог', name_en: 'Backlog', type: 'new' },
  { key: 'ready', name_ru: 'Готово к работе', name_en: 'Ready', type: 'new' },
  { key: 'workInProgress', name_ru: 'В процессе', name_en: 'Work in progress', type: 'inProgress' },
  { key: 'done', name_ru: 'Готово', name_en: 'Done', type: 'done' },
] as const;

export const DEFAULT_ISSUE_TYPES = [
  { issue_type_id: 1, key: 'bug', name_ru: 'Ошибка', name_en: 'Bug', position: 1 },
  { issue_type_id: 2, key: 'task', name_ru: 'Задача', name_en: 'Task', position: 2 },
  { issue_type_id: 3, key: 'improvement', name_ru: 'Улучшение', name_en: 'Improvement', position: 3 },
  { issue_type_id: 4, key: 'story', name_ru: 'История', name_en: 'Story', position: 4 },
  { issue_type_id: 5, key: 'epic', name_ru: 'Эпик', name_en: 'Epic', position: 5 },
] as const;

export const DEFAULT_PRIORITIES = [
  { priority_id: 1, key: 'trivial', name_ru: 'Незначительный', name_en: 'Trivial', position: 1 },
  { priority_id: 2, key: 'minor', name_ru: 'Низкий', name_en: 'Minor', position: 2 },
  { priority_id: 3, key: 'normal', name_ru: 'Средний', name_en: 'Normal', position: 3 },
  { priority_id: 4, key: 'critical', name_ru: 'Критичный', name_en: 'Critical', position: 4 },
  { priority_id: 5, key: 'blocker', name_ru: 'Блокер', name_en: 'Blocker', position: 5 },
] as const;

/** As in migration 0021, which added them to existing organisations. */
export const DEFAULT_RESOLUTIONS = [
  { resolution_id: 1, key: 'fixed', name_ru: 'Решён', name_en: 'Fixed', position: 1 },
  { resolution_id: 2, key: 'wontFix', name_ru: 'Не будет исправлено', name_en: "Won't fix", position: 2 },
  { resolution_id: 3, key: 'cantReproduce', name_ru: 'Не воспроизводится', name_en: "Can't reproduce", position: 3 },
  { resolution_id: 4, key: 'duplicate', name_ru: 'Дубликат', name_en: 'Duplicate', position: 4 },
  { resolution_id: 5, key: 'later', name_ru: 'Позже', name_en: 'Later', position: 5 },
] as const;

/** The targets of remote links. The types attachment, file and weblink are Kanboard's types of external links. */
export const DEFAULT_APPLICATIONS = [
  application('ru.yandex.bitbucket', 'bitbucket', 'Bitbucket', 'Bitbucket', 1),
  application('com.github', 'github', 'GitHub', 'GitHub', 2),
  application('com.gitlab', 'gitlab', 'GitLab', 'GitLab', 3),
  application('weblink', 'weblink', 'Ссылка', 'Web link', 4),
  application('attachment', 'attachment', 'Вложение', 'Attachment', 5),
  application('file', 'file', 'Файл', 'Local file', 6),
] as const;

/** The default type (task) and priority (normal) of issues in a new queue. */
export const DEFAULT_ISSUE_TYPE_ID = 2;
export const DEFAULT_PRIORITY_ID = 3;

export interface LabelDefault {
  readonly label_id: number;
  readonly label: string;
  readonly opposite_id: number | null;
  readonly name_ru: string | null;
  readonly name_en: string | null;
  readonly phrase: string | null;
}

export interface LinkTypeDefault {
  readonly link_type_id: string;
  readonly inward_label_id: number;
  readonly outward_label_id: number;
  readonly is_symmetric: boolean;
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: 'inward' | 'outward' | 'none';
  readonly import_only: boolean;
}

const KANBOARD_LABELS: readonly LabelDefault[] = [
  label(1, 'relates to', null, 'Связана', 'Relates', 'relates'),
  label(2, 'blocks', 3, 'Блокирующая задача', 'Blocker', 'is dependent by'),
  label(3, 'is blocked by', 2, 'Зависит от', 'Depends on', 'depends on'),
  label(4, 'duplicates', 5, 'Дублирует', 'Duplicates', 'duplicates'),
  label(5, 'is duplicated by', 4, 'Дублируется', 'Duplicated by', 'is duplicated by'),
  label(6, 'is a child of', 7, 'Подзадача', 'Sub-issue', 'is subtask for'),
  label(7, 'is a parent of', 6, 'Родительская задача', 'Parent issue', 'is parent task for'),
  label(8, 'targets milestone', 9, null, null, null),
  label(9, 'is a milestone of', 8, null, null, null),
  label(10, 'fixes', 11, null, null, null),
  label(11, 'is fixed by', 10, null, null, null),
];

const TRACKER_LABELS: readonly LabelDefault[] = [
  label(12, 'is epic of', 13, 'Эпик для', 'Epic for', 'is epic of'),
  label(13, 'has epic', 12, 'Подэпик', 'Sub-epic', 'has epic'),
  label(14, 'is cloned by', 15, 'Оригинал', 'Original', 'clone'),
  label(15, 'is a clone of', 14, 'Клон', 'Clone', 'original'),
];

const KANBOARD_TYPES: readonly LinkTypeDefault[] = [
  symmetric('relates', 1),
  directed('depends', 2, 3, { is_acyclic: true }),
  directed('duplicates', 4, 5),
  directed('subtask', 6, 7, { is_acyclic: true, single_end: 'inward' }),
  directed('milestone', 8, 9),
  directed('fixes', 10, 11),
];

const TRACKER_TYPES: readonly LinkTypeDefault[] = [
  directed('epic', 12, 13, { is_acyclic: true, single_end: 'outward' }),
  directed('cloners', 14, 15, { import_only: true }),
];

/** The rules, labels and link types of each profile. The `kanboard` profile has no rules, since Kanboard has none. */
export const PROFILES: Readonly<
  Record<Profile, { oneLinkPerPair: boolean; labels: readonly LabelDefault[]; linkTypes: readonly LinkTypeDefault[] }>
> = {
  tracker: {
    oneLinkPerPair: true,
    labels: [...KANBOARD_LABELS, ...TRACKER_LABELS],
    linkTypes: [...KANBOARD_TYPES, ...TRACKER_TYPES],
  },
  kanboard: {
    oneLinkPerPair: false,
    labels: KANBOARD_LABELS,
    linkTypes: KANBOARD_TYPES.map((type) => ({
      ...type,
      is_antisymmetric: false,
      is_acyclic: false,
      single_end: 'none',
    })),
  },
};

/** The types that cannot be removed, since clients refer to them by their ids. */
export const DEFAULT_LINK_TYPE_IDS: ReadonlySet<string> = new Set(
  [...KANBOARD_TYPES, ...TRACKER_TYPES].map(({ link_type_id }) => link_type_id),
);

function application(application_id: string, type: string, name_ru: string, name_en: string, position: number) {
  return { application_id, type, name_ru, name_en, position };
}

function label(
  label_id: number,
  text: string,
  opposite_id: number | null,
  name_ru: string | null,
  name_en: string | null,
  phrase: string | null,
): LabelDefault {
  return { label_id, label: text, opposite_id, name_ru, name_en, phrase };
}

function symmetric(link_type_id: string, labelId: number): LinkTypeDefault {
  return {
    link_type_id,
    inward_label_id: labelId,
    outward_label_id: labelId,
    is_symmetric: true,
    is_antisymmetric: false,
    is_acyclic: false,
    single_end: 'none',
    import_only: false,
  };
}

function directed(
  link_type_id: string,
  inward_label_id: number,
  outward_label_id: number,
  rules: Partial<Pick<LinkTypeDefault, 'is_acyclic' | 'single_end' | 'import_only'>> = {},
): LinkTypeDefault {
  return {
    link_type_id,
    inward_label_id,
    outward_label_id,
    is_symmetric: false,
    is_antisymmetric: true,
    is_acyclic: false,
    single_end: 'none',
    import_only: false,
    ...rules,
  };
}
