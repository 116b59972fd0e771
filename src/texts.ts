/** A message to API clients, in each supported language. */
export interface Text {
  readonly ru: string;
  readonly en: string;
}

export type Language = keyof Text;

export const LANGUAGES = ['ru', 'en'] as const satisfies readonly Language[];

/** Every message that the APIs return, and the words in pictures. */
export const texts = {
  authorizationMissing: {
    ru: 'Нет заголовка Authorization: передайте «OAuth <токен>» или «Bearer <токен>».',
    en: 'The Authorization header is missing: send "OAuth <token>" or "Bearer <token>".',
  },
  authorizationScheme: {
    ru: 'Схема в заголовке Authorization должна быть OAuth или Bearer.',
    en: 'The scheme in the Authorization header must be OAuth or Bearer.',
  },
  credentialsWrong: {
    ru: 'Имя или пароль (токен) не подходят.',
    en: 'The user name or the password (token) is wrong.',
  },
  busy: { ru: 'Слишком много запросов: повторите позже.', en: 'Too many requests: try again later.' },
  tokenUnknown: { ru: 'Токен неизвестен.', en: 'The token is unknown.' },
  tokenRevoked: { ru: 'Токен отозван.', en: 'The token was revoked.' },
  tokenExpired: { ru: 'Срок действия токена истёк.', en: 'The token has expired.' },
  userDisabled: { ru: 'Пользователь отключён.', en: 'The user is disabled.' },
  loopbackOnly: {
    ru: 'Демонстрационные учётные данные действуют только при прямом подключении с этой же машины к http://127.0.0.1 или http://localhost, а не через прокси или другой сервер. Создайте свой токен: npx issue-links token create.',
    en: 'The demo credentials work only for direct connections from the same machine to http://127.0.0.1 or http://localhost, not through a proxy or another server. Create a token of your own: npx issue-links token create.',
  },
  organisationForbidden: {
    ru: 'Токен не относится к организации, указанной в X-Org-ID или X-Cloud-Org-ID.',
    en: 'The token does not belong to the organisation in X-Org-ID or X-Cloud-Org-ID.',
  },
  organisationAmbiguous: {
    ru: 'Токен действует в нескольких организациях: укажите одну в X-Org-ID.',
    en: 'The token is valid in several organisations: choose one with X-Org-ID.',
  },
  scopeMissing: (scope: string) => ({
    ru: `Токену не хватает права «${scope}».`,
    en: `The token lacks the scope "${scope}".`,
  }),
  issueNotFound: { ru: 'Задача не существует.', en: 'The issue does not exist.' },
  organisationExists: (orgId: string) => ({
    ru: `Организация ${orgId} уже есть.`,
    en: `The organisation ${orgId} already exists.`,
  }),
  issueNotIn: (orgId: string, key: string) => ({
    ru: `В организации ${orgId} нет задачи ${key}.`,
    en: `There is no issue ${key} in the organisation ${orgId}.`,
  }),
  lastOrganisation: (orgId: string) => ({
    ru: `Организация ${orgId} последняя: следующий запуск может заполнить пустую базу данных демонстрацией.`,
    en: `${orgId} is the last organisation: the next start of a server could fill the empty database with the demo.`,
  }),
  organisationNotFound: (orgId: string) => ({
    ru: `Организации ${orgId} нет.`,
    en: `There is no organisation ${orgId}.`,
  }),
  organisationIdInvalid: (orgId: string) => ({
    ru: `«${orgId}» не может быть идентификатором организации: нужны латинские буквы, цифры, дефисы и подчёркивания, не больше 64.`,
    en: `"${orgId}" is not a valid organisation id: use up to 64 Latin letters, digits, hyphens and underscores.`,
  }),
  cloudIdTaken: (cloudId: string) => ({
    ru: `Облачный идентификатор ${cloudId} уже занят.`,
    en: `The cloud id ${cloudId} is taken.`,
  }),
  loginTaken: (login: string) => ({ ru: `Логин ${login} уже занят.`, en: `The login ${login} is taken.` }),
  loginInvalid: {
    ru: 'В логине от 1 до 255 символов, без двоеточия, управляющих символов и пробелов по краям.',
    en: 'A login must have 1 to 255 characters, without a colon, control characters, or white space at its ends.',
  },
  loginEmpty: { ru: 'Логин не может быть пустым.', en: 'A login cannot be empty.' },
  loginNotFound: (login: string, orgId: string) => ({
    ru: `В организации ${orgId} нет пользователя ${login}.`,
    en: `There is no user ${login} in the organisation ${orgId}.`,
  }),
  uidTaken: (uid: string) => ({ ru: `Идентификатор ${uid} уже занят.`, en: `The uid ${uid} is taken.` }),
  uidInvalid: {
    ru: 'uid должен быть целым числом от 1 до 9007199254740991.',
    en: 'A uid must be a whole number from 1 to 9007199254740991.',
  },
  tokenTaken: {
    ru: 'Этот токен в организации уже есть.',
    en: 'The organisation already has this token.',
  },
  tokenNotFound: (tokenId: string) => ({ ru: `Токена ${tokenId} нет.`, en: `There is no token ${tokenId}.` }),
  tokenNotReplaceable: (tokenId: string) => ({
    ru: `Токен ${tokenId} не заменить: он не действует, или не для API Tracker, или принадлежит приложению.`,
    en: `Token ${tokenId} cannot be replaced: it is not valid, is not for the Tracker API, or belongs to the application account.`,
  }),
  timePassed: { ru: 'Время должно быть в будущем.', en: 'The time must be in the future.' },
  queueKeyTaken: (key: string) => ({ ru: `Ключ очереди ${key} уже занят.`, en: `The queue key ${key} is taken.` }),
  queueKeyInvalid: (key: string) => ({
    ru: `«${key}» не может быть ключом очереди: нужны латинские заглавные буквы и цифры, первая — буква, не больше 50.`,
    en: `"${key}" is not a valid queue key: use up to 50 capital Latin letters and digits, starting with a letter.`,
  }),
  queueNameEmpty: { ru: 'Название очереди не может быть пустым.', en: 'The name of a queue cannot be empty.' },
  pathNotFound: {
    ru: 'Такого адреса нет. Описание API: /openapi.yaml.',
    en: 'There is nothing at this path. The API is described in /openapi.yaml.',
  },
  notServed: (request: string) => ({
    ru: `Этот сервер не обслуживает ${request}. Описание API: /openapi.yaml.`,
    en: `This server does not serve ${request}. The API is described in /openapi.yaml.`,
  }),
  methodNotAllowed: (allowed: string) => ({
    ru: `Метод не поддерживается. Доступны: ${allowed}.`,
    en: `The method is not supported here. Allowed: ${allowed}.`,
  }),
  requestMalformed: { ru: 'Запрос составлен неверно.', en: 'The request is malformed.' },
  urlMalformed: { ru: 'Адрес запроса закодирован неверно.', en: 'The URL is encoded incorrectly.' },
  bodyNotJson: (detail: string) => ({
    ru: `Тело запроса — не JSON: ${detail}`,
    en: `The request body is not JSON: ${detail}`,
  }),
  bodyTooLarge: { ru: 'Тело запроса слишком велико.', en: 'The request body is too large.' },
  headersTooLarge: { ru: 'Заголовки запроса слишком велики.', en: 'The request headers are too large.' },
  requestTimeout: { ru: 'Запрос не пришёл вовремя.', en: 'The request did not arrive in time.' },
  nulCharacter: { ru: 'Текст не может содержать символ U+0000.', en: 'Strings must not contain the character U+0000.' },
  halfCharacter: {
    ru: 'Текст содержит половину символа: непарный суррогат.',
    en: 'The string contains half a character: a lone surrogate.',
  },
  bodyTooDeep: { ru: 'Тело запроса вложено слишком глубоко.', en: 'The request body is nested too deeply.' },
  formInvalid: { ru: 'Значение такого вида здесь не подходит.', en: 'This value has the wrong type or format.' },
  snapshotMissing: {
    ru: 'Нет состояния, к которому можно вернуться: TEST_MODE=on при запуске не был задан.',
    en: 'There is no state to return to: the server has not been started with TEST_MODE=on.',
  },
  responseForced: { ru: 'Этот ответ заказан тестом.', en: 'A test has requested this response.' },
  forcedResponsesTooMany: { ru: 'Заказано слишком много ответов.', en: 'Too many responses have been requested.' },
  preferInvalid: {
    ru: 'В заголовке Prefer code должен быть от 400 до 599, а delay — от 0 до 60000 мс.',
    en: 'In the header Prefer, code must be from 400 to 599, and delay from 0 to 60000 ms.',
  },
  fieldUnknown: { ru: 'Такого поля нет.', en: 'There is no such field.' },
  notSupported: {
    ru: 'Это есть в Tracker, но не поддерживается этим сервером.',
    en: 'Tracker has this, but this server does not support it.',
  },
  fieldReadOnly: {
    ru: 'Это поле нельзя изменить, а значение отличается от сохранённого.',
    en: 'This field cannot be changed, and the value differs from the stored one.',
  },
  fieldRequired: { ru: 'Требуется параметр.', en: 'The parameter is required.' },
  overloaded: {
    ru: 'Сервер перегружен. Повторите запрос позже.',
    en: 'The server is overloaded. Try again later.',
  },
  idempotencyKeyRunning: {
    ru: 'Запрос с этим Idempotency-Key ещё выполняется. Повторите его позже.',
    en: 'A request with this Idempotency-Key is still running. Try again later.',
  },
  idempotencyKeyRefused: {
    ru: 'Ответ на этот запрос содержит новый токен, который показывается один раз и не хранится, поэтому повторить запрос с Idempotency-Key нельзя.',
    en: 'The response to this request contains a new token, which is shown once and not stored. So the request cannot be repeated with an Idempotency-Key.',
  },
  idempotencyKeyUsed: {
    ru: 'Этот Idempotency-Key уже использован для другого запроса.',
    en: 'This Idempotency-Key was used for another request.',
  },
  requestTooSlow: {
    ru: 'Запрос выполнялся слишком долго и прерван. Повторите его позже.',
    en: 'The request took too long and was stopped. Try again later.',
  },
  responseTooLarge: (bytesMax: string): Text => ({
    ru: `Ответ больше ${bytesMax} байт: запросите меньше за один раз.`,
    en: `The response is larger than ${bytesMax} bytes: request less at a time.`,
  }),
  contended: {
    ru: 'Те же данные сейчас меняют другие запросы. Повторите запрос.',
    en: 'Other requests are changing the same data. Try again.',
  },
  databaseUnavailable: {
    ru: 'База данных недоступна. Повторите запрос позже.',
    en: 'The database is unavailable. Try again later.',
  },
  databaseReadOnly: {
    ru: 'База данных сейчас не принимает изменений, например потому что диск полон. Чтение работает. Повторите запрос позже.',
    en: 'The database accepts no changes at the moment, for example because its disk is full. Reading works. Try again later.',
  },
  // Links, link types, organisation
  timestampUnreadable: {
    ru: 'Ожидается дата вида 2017-06-11T05:16:01.421+0000.',
    en: 'Expected a date such as 2017-06-11T05:16:01.421+0000.',
  },
  ownAccount: {
    ru: 'Свою учётную запись нельзя ни отключить, ни удалить.',
    en: 'You cannot disable or remove your own account.',
  },
  lastAdministrator: {
    ru: 'Это последний администратор организации.',
    en: 'This is the last administrator of the organisation.',
  },
  userUnknown: { ru: 'Пользователь не существует.', en: 'The user does not exist.' },
  importedInFuture: { ru: 'Время не может быть в будущем.', en: 'The time cannot be in the future.' },
  importedBeforeCreated: {
    ru: 'Время изменения не может быть раньше времени создания.',
    en: 'The time of the update cannot be before that of the creation.',
  },
  importedBeforeIssue: {
    ru: 'Время не может быть раньше времени создания задачи.',
    en: 'The time cannot be before that of the creation.',
  },
  importedResolutionIncomplete: {
    ru: 'resolvedAt и resolvedBy передаются только вместе и только с resolution.',
    en: 'resolvedAt and resolvedBy must be sent together, and with resolution.',
  },
  importedUpdateIncomplete: {
    ru: 'updatedAt и updatedBy передаются только вместе.',
    en: 'updatedAt and updatedBy must be sent together.',
  },
  linkTypeNotFound: (id: string) => ({
    ru: `Тип связи ${id} не существует.`,
    en: `The link type ${id} does not exist.`,
  }),
  linkTypeTaken: (id: string) => ({
    ru: `Тип связи ${id} уже есть.`,
    en: `The link type ${id} already exists.`,
  }),
  linkTypeIdNeeded: {
    ru: 'Из английского названия не получается идентификатор: укажите id латинскими буквами.',
    en: 'No id can be derived from the English label: choose one in Latin letters.',
  },
  linkTypeBuiltIn: (id: string) => ({
    ru: `Тип связи ${id} есть в каждой организации, его нельзя удалить.`,
    en: `Every organisation has the link type ${id}: it cannot be deleted.`,
  }),
  linkTypeInUse: (id: string) => ({
    ru: `Есть связи типа ${id}: сначала удалите их.`,
    en: `Links of type ${id} exist: delete them first.`,
  }),
  labelTaken: (label: string) => ({
    ru: `Название «${label}» уже есть у другого типа связи.`,
    en: `Another link type already has the label "${label}".`,
  }),
  labelNotFound: (id: string) => ({
    ru: `Названия связи ${id} нет.`,
    en: `There is no label ${id}.`,
  }),
  labelFixed: (label: string) => ({
    ru: `Название «${label}» принадлежит встроенному типу связи.`,
    en: `The label "${label}" belongs to a built-in link type.`,
  }),
  labelInvalid: {
    ru: 'Название связи не может быть пустым или длиннее 1000 символов.',
    en: 'A label cannot be empty or longer than 1000 characters.',
  },
  linkTypeImportOnly: (id: string) => ({
    ru: `Связи типа ${id} создаются только импортом.`,
    en: `Links of type ${id} can only be imported.`,
  }),
  symmetricRules: {
    ru: 'У симметричного типа концы связи равны, поэтому antisymmetric, acyclic и single для него невозможны.',
    en: 'The ends of a symmetric link are interchangeable, so its type cannot be antisymmetric, acyclic or single.',
  },
  symmetricLabels: {
    ru: 'У симметричного типа одно название: inward.',
    en: 'A symmetric type has one label: inward.',
  },
  brokenByOpposites: (links: string) => ({
    ru: `Правило antisymmetric нарушают связи, у которых есть встречные: ${links}.`,
    en: `Links in opposite directions violate the antisymmetric rule: ${links}.`,
  }),
  brokenBySeconds: (links: string) => ({
    ru: `Правило single нарушают связи одной и той же задачи: ${links}.`,
    en: `Several links of the same issue violate the single rule: ${links}.`,
  }),
  brokenByCycle: (links: string) => ({
    ru: `Правило acyclic нарушает цикл: ${links}.`,
    en: `A cycle violates the acyclic rule: ${links}.`,
  }),
  brokenByPairs: (links: string) => ({
    ru: `Правило oneLinkPerPair нарушают пары задач с несколькими связями: ${links}.`,
    en: `Pairs of issues with several links violate the oneLinkPerPair rule: ${links}.`,
  }),
  graphTitle: (key: string) => ({ ru: `Связи задачи ${key}`, en: `Links of ${key}` }),
  graphIssues: { ru: 'Задачи', en: 'Issues' },
  graphLinks: { ru: 'Связи', en: 'Links' },
  graphTruncated: (count: string) => ({
    ru: `Показано задач: ${count}. Остальные задачи или связи не поместились.`,
    en: `${count} issues are shown. Others, or some of their links, are left out.`,
  }),
  linkNotFound: { ru: 'Связь не существует.', en: 'The link does not exist.' },
  relationshipUnknown: (phrase: string, accepted: string) => ({
    ru: `Unrecognized value: «${phrase}». Допустимые значения: ${accepted}.`,
    en: `Unrecognized value: "${phrase}". Accepted values: ${accepted}.`,
  }),
  alreadyLinked: (key: string, otherKey: string) => ({
    ru: `Задачи ${key} и ${otherKey} уже связаны.`,
    en: `The issues ${key} and ${otherKey} are already linked.`,
  }),
  selfLink: (key: string) => ({
    ru: `Задачу ${key} нельзя связать с ней самой.`,
    en: `The issue ${key} cannot be linked to itself.`,
  }),
  secondSingle: (linkTypeId: string, key: string) => ({
    ru: `У задачи ${key} уже есть ${linkTypeId === 'subtask' ? 'родительская задача' : linkTypeId === 'epic' ? 'эпик' : `связь типа ${linkTypeId}`}, а вторая такая связь не допускается.`,
    en: `The issue ${key} already has ${linkTypeId === 'subtask' ? 'a parent' : linkTypeId === 'epic' ? 'an epic' : `a link of type ${linkTypeId}`}, and can have only one.`,
  }),
  cycle: (linkTypeId: string, keys: string) => ({
    ru: `Связь замкнула бы цикл типа ${linkTypeId}: ${keys}.`,
    en: `The link would close a cycle of type ${linkTypeId}: ${keys}.`,
  }),
  // Issues
  uniqueOfCreator: {
    ru: 'Указать unique за другого пользователя может только администратор.',
    en: 'Only an administrator may set unique for another user.',
  },
  uniqueTaken: {
    ru: 'Задача с таким значением unique уже создана.',
    en: 'An issue with this unique value already exists.',
  },
  issueKeyTaken: {
    ru: 'Ключ занят: он есть или был у задачи.',
    en: 'The key is taken: an issue has it or had it.',
  },
  issueKeyOfQueue: (queueKey: string) => ({
    ru: `Ожидается ключ этой очереди, например ${queueKey}-1.`,
    en: `Expected a key of this queue, such as ${queueKey}-1.`,
  }),
  queueNotChangeable: {
    ru: 'Очередь меняется запросом POST /issues/{issueId}/_move.',
    en: 'The queue is changed by POST /issues/{issueId}/_move.',
  },
  bulkChangeNotFound: { ru: 'Массовое изменение не существует.', en: 'The bulk change does not exist.' },
  bulkChangeStatus: (completed: string, total: string) => ({
    ru: `Изменено задач: ${completed} из ${total}.`,
    en: `Changed issues: ${completed} of ${total}.`,
  }),
  bulkTooLarge: { ru: 'За один раз меняют не больше 1000 задач.', en: 'At most 1000 issues can be changed at once.' },
  bulkOutOfTime: {
    ru: 'До этой задачи не дошла очередь: повторите запрос для неё.',
    en: 'There was no time left for this issue: repeat the request for it.',
  },
  cloneQueueSingle: {
    ru: 'Копию можно создать только в одной очереди за запрос.',
    en: 'A request can create a copy in one queue only.',
  },
  issueChanged: {
    ru: 'Задача уже изменена: версия в запросе устарела.',
    en: 'The issue has been changed: the version in the request is stale.',
  },
  tagsTooMany: { ru: 'Не больше 100 тегов.', en: 'An issue can have at most 100 tags.' },
  followersTooMany: { ru: 'Не больше 100 наблюдателей.', en: 'An issue can have at most 100 followers.' },
  expandUnknown: (known: string) => ({
    ru: `Допустимые значения: ${known}.`,
    en: `Accepted values: ${known}.`,
  }),
  usersUnknown: (names: string) => ({
    ru: `Пользователи не существуют: ${names}.`,
    en: `These users do not exist: ${names}.`,
  }),
  commentNotFound: { ru: 'Комментарий не существует.', en: 'The comment does not exist.' },
  commentForbidden: {
    ru: 'Чужой комментарий может изменить или удалить только администратор очереди.',
    en: "Only managers of the queue can change or remove another user's comment.",
  },
  changeNotFound: { ru: 'Запись истории не существует.', en: 'The changelog entry does not exist.' },
  searchAmbiguous: (given: string) => ({
    ru: `Передайте что-то одно: ${given}.`,
    en: `Send only one of: ${given}.`,
  }),
  orderTwice: {
    ru: 'Порядок задан дважды: в параметре order, в теле или в «Sort by» должен быть один.',
    en: 'The order is given twice: choose the parameter order, the body or "Sort by".',
  },
  scrollUnknown: {
    ru: 'Такой прокрутки нет. Начните её снова с scrollType.',
    en: 'There is no such scroll. Start it again with scrollType.',
  },
  scrollExpired: {
    ru: 'Срок прокрутки истёк. Начните её снова; scrollTTLMillis продлевает срок.',
    en: 'The scroll has expired. Start it again; scrollTTLMillis extends its life.',
  },
  scrollDiffers: { ru: 'Эта прокрутка начата с другим поиском.', en: 'This scroll was started with another search.' },
  scrollSearchMissing: {
    ru: 'Поиск слишком длинный для scrollId: передавайте то же тело с каждым запросом.',
    en: 'The search is too long for scrollId: send the same body with each request.',
  },
  scrollOrPage: {
    ru: 'Прокрутка не делится на страницы: передайте page или scrollType.',
    en: 'A scroll has no page numbers: send either page or scrollType.',
  },
  suggestPartsNeedFull: {
    ru: 'Действует только вместе с full=true.',
    en: 'Has an effect only together with full=true.',
  },
  searchAt: (position: string, ru: string, en: string) => ({
    ru: `Позиция ${position}: ${ru}`,
    en: `Position ${position}: ${en}`,
  }),
  searchUnexpected: (found: string, ruExpected: string, enExpected: string) => ({
    ru: `непонятно «${found}», ожидается ${ruExpected}.`,
    en: `unexpected "${found}"; expected ${enExpected}.`,
  }),
  searchEnds: (ruExpected: string, enExpected: string) => ({
    ru: `запрос обрывается, ожидается ${ruExpected}.`,
    en: `unexpected end of the query; expected ${enExpected}.`,
  }),
  searchUnclosed: { ru: 'кавычка не закрыта.', en: 'the quotation mark is not closed.' },
  searchFieldUnknown: (field: string, known: string) => ({
    ru: `поле «${field}» неизвестно. Доступны: ${known}.`,
    en: `the field "${field}" is unknown. Available: ${known}.`,
  }),
  searchFunctionUnknown: (name: string, field: string) => ({
    ru: `функция ${name}() для поля «${field}» не поддерживается.`,
    en: `the function ${name}() is not supported for the field "${field}".`,
  }),
  searchComparison: (field: string) => ({
    ru: `поле «${field}» не сравнивают на больше и меньше: это можно с числами и датами.`,
    en: `the field "${field}" cannot be compared with < or >; only numbers and dates can.`,
  }),
  searchTextOperator: (field: string) => ({
    ru: `для поля «${field}» нет операторов # и ~: это можно с текстом.`,
    en: `the field "${field}" has no operators # and ~; only texts have.`,
  }),
  searchDate: (value: string) => ({
    ru: `«${value}» — не дата: ожидается 2017-06-11 или 2017-06-11T05:16:01Z.`,
    en: `"${value}" is not a date; expected 2017-06-11 or 2017-06-11T05:16:01Z.`,
  }),
  searchNumber: (value: string) => ({
    ru: `«${value}» — не число: ожидается, например, 3 или 0.5.`,
    en: `"${value}" is not a number; expected, for example, 3 or 0.5.`,
  }),
  searchDuration: (value: string) => ({
    ru: `«${value}» — не длительность: ожидается, например, 12h или "1w 1d".`,
    en: `"${value}" is not a duration; expected, for example, 12h or "1w 1d".`,
  }),
  searchStatusType: (value: string) => ({
    ru: `«${value}» — не тип статуса. Доступны: new, paused, inProgress, done, cancelled.`,
    en: `"${value}" is not a status type. Available: new, paused, inProgress, done, cancelled.`,
  }),
  searchValue: { ru: 'непонятное значение.', en: 'invalid value.' },
  searchTooLarge: { ru: 'запрос слишком сложный.', en: 'the query is too complex.' },
  orderUnknown: (order: string, known: string) => ({
    ru: `По полю «${order}» нельзя упорядочить. Доступны: ${known}.`,
    en: `Cannot sort by "${order}". Available: ${known}.`,
  }),
  // Users, queues, fields
  nameAmbiguous: (name: string) => ({
    ru: `Название «${name}» подходит нескольким: укажите ключ или идентификатор.`,
    en: `The name "${name}" is ambiguous: use a key or an id.`,
  }),
  statusNotFound: { ru: 'Статус не существует.', en: 'The status does not exist.' },
  statusesOfMemberTooMany: {
    ru: 'Не больше 100 статусов для колонок одного пользователя: используйте названия существующих.',
    en: 'A member can create at most 100 statuses by adding columns: use the names of existing ones.',
  },
  statusesTooMany: { ru: 'Не больше 1000 статусов.', en: 'An organisation can have at most 1000 statuses.' },
  tagNotFound: { ru: 'Тег не существует.', en: 'The tag does not exist.' },
  tagExists: (name: string) => ({
    ru: `В проекте уже есть тег «${name}».`,
    en: `The project already has a tag "${name}".`,
  }),
  categoryNotFound: { ru: 'Категория не существует.', en: 'The category does not exist.' },
  categoryExists: (name: string) => ({
    ru: `В проекте уже есть категория «${name}».`,
    en: `The project already has a category "${name}".`,
  }),
  categoriesTooMany: { ru: 'Не больше 1000 категорий.', en: 'A project can have at most 1000 categories.' },
  columnNotFound: { ru: 'Колонка не существует.', en: 'The column does not exist.' },
  columnExists: (title: string) => ({
    ru: `В проекте уже есть колонка «${title}».`,
    en: `The project already has a column "${title}".`,
  }),
  columnsTooMany: { ru: 'Не больше 100 колонок.', en: 'A project can have at most 100 columns.' },
  columnHasTasks: { ru: 'В колонке есть задачи.', en: 'The column has tasks.' },
  priorityNotFound: { ru: 'Приоритет не существует.', en: 'The priority does not exist.' },
  resolutionNotFound: { ru: 'Резолюция не существует.', en: 'The resolution does not exist.' },
  transitionNotFound: { ru: 'Такого перехода у задачи нет.', en: 'The issue has no such transition.' },
  issueTypeNotFound: { ru: 'Тип задачи не существует.', en: 'The issue type does not exist.' },
  queueNotFound: { ru: 'Очередь не существует.', en: 'The queue does not exist.' },
  queueManagersOnly: {
    ru: 'Доступно только менеджерам этой очереди.',
    en: 'Only managers of the queue may do this.',
  },
  memberAlready: { ru: 'Пользователь уже участник очереди.', en: 'The user is already a member of the queue.' },
  memberUnknown: { ru: 'Пользователь не участник очереди.', en: 'The user is not a member of the queue.' },
  fieldNotFound: { ru: 'Поле не существует.', en: 'The field does not exist.' },
  fieldCategoryNotFound: { ru: 'Категория полей не существует.', en: 'The field category does not exist.' },
  managersOnly: {
    ru: 'Доступно только администраторам и менеджерам организации.',
    en: 'Only administrators and managers of the organisation may do this.',
  },
  // Remote links
  applicationTaken: (id: string) => ({
    ru: `Приложение ${id} уже есть.`,
    en: `The application ${id} already exists.`,
  }),
  applicationNotFound: { ru: 'Приложение не существует.', en: 'The application does not exist.' },
  remoteObjectNotFound: { ru: 'Внешний объект не существует.', en: 'The remote object does not exist.' },
  remoteLinkNotFound: { ru: 'Внешняя связь не существует.', en: 'The remote link does not exist.' },
  remoteLinkExists: (issueKey: string, objectKey: string, applicationId: string) => ({
    ru: `Задача ${issueKey} уже связана с объектом ${objectKey} приложения ${applicationId}.`,
    en: `The issue ${issueKey} is already linked to ${objectKey} in ${applicationId}.`,
  }),
  externalLinkInvalid: {
    ru: 'У внешней связи должны быть URL, тип, название и зависимость допустимой длины.',
    en: 'An external link requires a URL, a type, a title and a dependency of permitted length.',
  },
  externalLinkExists: {
    ru: 'Задача уже связана с этим объектом.',
    en: 'The issue is already linked to that object.',
  },
  staleVersion: { ru: 'Версия устарела.', en: 'The version is stale.' },
  versionUnreadable: {
    ru: 'If-Match должен содержать номер версии в кавычках, например "3".',
    en: 'If-Match must contain a version number in quotation marks, such as "3".',
  },
  writeForbidden: {
    ru: 'Недостаточно прав для изменения задач этой очереди.',
    en: 'You are not permitted to change issues of this queue.',
  },
  administratorsOnly: { ru: 'Доступно только администраторам.', en: 'Only administrators may do this.' },
  internalError: (requestId: string) => ({
    ru: `Внутренняя ошибка. Номер запроса: ${requestId}.`,
    en: `Internal error. Request id: ${requestId}.`,
  }),
} as const satisfies Record<string, Text | ((...parts: string[]) => Text)>;
