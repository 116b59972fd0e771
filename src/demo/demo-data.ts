/** Organisation 1, the demo: the example of Tracker's documentation, extended to show every kind of link. */

export const DEMO_ORG_ID = '1';
export const DEMO_TOKEN = 'demo-token';
/** The application token of the Kanboard API. */
export const DEMO_APPLICATION_TOKEN = 'demo-token';
/** For operations of administrators; first steps need only DEMO_TOKEN. */
export const DEMO_ADMIN_TOKEN = 'demo-admin-token';

interface DemoUser {
  readonly login: string;
  readonly display: string;
  readonly role: 'admin' | 'member';
  readonly uid: number;
  readonly password?: string;
}

export const DEMO_ADMIN: DemoUser = {
  login: 'admin',
  display: 'Администратор',
  role: 'admin',
  uid: 1120000000000001,
  password: 'admin',
};

export const DEMO_USERS: readonly DemoUser[] = [
  DEMO_ADMIN,
  { login: 'ivanov', display: 'Иван Иванов', role: 'member', uid: 1120000000049224 },
  { login: 'petrova', display: 'Анна Петрова', role: 'member', uid: 1120000000049225 },
  { login: 'sidorov', display: 'Пётр Сидоров', role: 'member', uid: 1120000000049226 },
];

export const DEMO_QUEUES = [
  { key: 'JUNE', name: 'Июньский выпуск' },
  { key: 'TREK', name: 'Трекер' },
  { key: 'SUPPORT', name: 'Поддержка' },
] as const;

export interface DemoIssue {
  readonly key: string;
  readonly summary: string;
  readonly issueType: string;
  readonly priority: string;
  readonly status: string;
  readonly assignee: string | null;
  readonly author: string;
  readonly hexId?: string;
}

export const DEMO_ISSUES: readonly DemoIssue[] = [
  issue('JUNE-1', 'Выпуск 6.0', 'epic', 'critical', 'inProgress', 'petrova'),
  {
    ...issue('JUNE-2', 'Связи задач в API', 'story', 'normal', 'inProgress', 'ivanov'),
    hexId: '593cd211ef7e8a332414f2a6',
  },
  issue('JUNE-3', 'Описание API на русском и английском', 'task', 'normal', 'open', 'petrova'),
  issue('JUNE-4', 'Проверка прав на чтение связей', 'task', 'critical', 'needInfo', 'sidorov'),
  issue('JUNE-5', 'Связи теряются при переносе задачи', 'bug', 'blocker', 'resolved', 'ivanov'),
  issue('JUNE-6', 'После переноса задачи связи не видны', 'bug', 'minor', 'closed', null),
  issue('JUNE-7', 'Нагрузочное испытание списка связей', 'task', 'normal', 'open', 'sidorov'),
  issue('JUNE-8', 'Обновить базу данных до новой версии', 'improvement', 'normal', 'open', null),
  issue('JUNE-9', 'Запретить циклы в зависимостях', 'task', 'critical', 'inProgress', 'ivanov'),
  issue('JUNE-10', 'Запретить второго родителя', 'task', 'normal', 'open', 'ivanov'),
  issue('JUNE-11', 'Понятные тексты отказов', 'improvement', 'minor', 'open', 'petrova'),
  issue('JUNE-12', 'Заметки о выпуске', 'task', 'trivial', 'open', null),
  { ...issue('TREK-9844', 'subtask', 'task', 'normal', 'open', 'ivanov'), hexId: '593cd211ef7e8a332414f2a7' },
  issue('TREK-9845', 'Показать связи на странице задачи', 'story', 'normal', 'open', 'petrova'),
  issue('TREK-9846', 'Граф зависимостей очереди', 'story', 'normal', 'open', null),
  issue('TREK-9847', 'Шаблон задачи на выпуск', 'task', 'minor', 'closed', 'petrova'),
  issue('TREK-9848', 'Задача на выпуск 6.0', 'task', 'normal', 'inProgress', 'petrova'),
  issue('TREK-9849', 'Веха: открытое испытание', 'task', 'critical', 'open', 'sidorov'),
  issue('SUPPORT-1', 'Клиент не видит подзадачи', 'bug', 'critical', 'needInfo', 'sidorov'),
  issue('SUPPORT-2', 'Вопрос о лимитах API', 'task', 'minor', 'closed', 'sidorov'),
  issue('SUPPORT-3', 'Просьба о связях между проектами', 'improvement', 'normal', 'open', null),
  issue('SUPPORT-4', 'Просьба о выгрузке графа', 'improvement', 'minor', 'open', null),
];

export interface DemoLink {
  readonly type: string;
  /** The subtask, the blocker, the duplicate, the epic, the original. */
  readonly inward: string;
  /** The parent, the blocked, the duplicated, the part of the epic, the clone. */
  readonly outward: string;
  readonly firstEnd: 'inward' | 'outward';
  readonly author: string;
  readonly createdAt: string;
}

/** The id of the first link, as in Tracker's documentation. */
export const DEMO_FIRST_LINK_ID = 4709605;

/** Ordered by id. */
export const DEMO_LINKS: readonly DemoLink[] = [
  {
    type: 'subtask',
    inward: 'TREK-9844',
    outward: 'JUNE-2',
    firstEnd: 'outward',
    author: 'ivanov',
    createdAt: '2017-06-11T05:16:01.421Z',
  },
  link('subtask', 'JUNE-3', 'JUNE-2', 1),
  link('subtask', 'JUNE-4', 'JUNE-2', 2),
  link('subtask', 'JUNE-9', 'TREK-9844', 3),
  link('subtask', 'JUNE-10', 'TREK-9844', 4),
  link('epic', 'JUNE-1', 'JUNE-2', 5),
  link('epic', 'JUNE-1', 'TREK-9845', 6),
  link('epic', 'JUNE-1', 'TREK-9846', 7),
  link('depends', 'JUNE-5', 'JUNE-2', 8),
  link('depends', 'JUNE-8', 'JUNE-7', 9),
  link('depends', 'JUNE-2', 'JUNE-7', 10),
  link('depends', 'JUNE-7', 'JUNE-12', 11),
  link('depends', 'TREK-9844', 'TREK-9845', 12),
  link('depends', 'TREK-9845', 'TREK-9846', 13),
  link('duplicates', 'JUNE-6', 'JUNE-5', 14),
  link('duplicates', 'SUPPORT-1', 'JUNE-4', 15),
  link('relates', 'JUNE-2', 'SUPPORT-3', 16),
  link('relates', 'JUNE-9', 'JUNE-11', 17),
  link('relates', 'SUPPORT-4', 'TREK-9846', 18),
  link('cloners', 'TREK-9847', 'TREK-9848', 19),
  link('milestone', 'JUNE-2', 'TREK-9849', 20),
  link('milestone', 'JUNE-7', 'TREK-9849', 21),
  link('fixes', 'JUNE-9', 'SUPPORT-1', 22),
];

function issue(
  key: string,
  summary: string,
  issueType: string,
  priority: string,
  status: string,
  assignee: string | null,
): DemoIssue {
  return { key, summary, issueType, priority, status, assignee, author: 'ivanov' };
}

function link(type: string, inward: string, outward: string, daysLater: number): DemoLink {
  const createdAt = new Date(Date.UTC(2017, 5, 11 + daysLater, 9, 30)).toISOString();
  return { type, inward, outward, firstEnd: 'inward', author: 'petrova', createdAt };
}
