// Writes docs/compatibility.md, as part of `npm run parameters`: the endpoints and procedures of Tracker and Kanboard that
// public clients call, and which of them this server has, by openapi.yaml and openrpc.yaml. A test compares the page with
// the contracts.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';

const FILE = new URL('../docs/compatibility.md', import.meta.url);
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Tracker's endpoints by subject, without the version: what its documentation lists and public clients call. */
const ENDPOINTS = {
  Issues: `
    POST /issues; GET /issues; GET /issues/{issue}; PATCH /issues/{issue}; DELETE /issues/{issue}; POST /issues/_search;
    POST /issues/_count; GET /issues/_suggest; POST /issues/_import; POST /issues/_findByUnique; POST /issues/{issue}/_move;
    POST /issues/{issue}/_clone; GET /issues/{issue}/changelog; POST /system/search/scroll/_clear`,
  Links: `
    GET /issues/{issue}/links; POST /issues/{issue}/links; DELETE /issues/{issue}/links/{link};
    POST /issues/{issue}/links/_import; GET /linktypes`,
  'Links to other applications': `
    GET /applications; GET /issues/{issue}/remotelinks; POST /issues/{issue}/remotelinks;
    DELETE /issues/{issue}/remotelinks/{link}`,
  Comments: `
    GET /issues/{issue}/comments; POST /issues/{issue}/comments; GET /issues/{issue}/comments/{comment};
    PATCH /issues/{issue}/comments/{comment}; DELETE /issues/{issue}/comments/{comment};
    POST /issues/{issue}/comments/_import`,
  Transitions: 'GET /issues/{issue}/transitions; POST /issues/{issue}/transitions/{transition}/_execute',
  'Bulk changes': `
    POST /bulkchange/_update; POST /bulkchange/_move; POST /bulkchange/_transition; GET /bulkchange/{bulkChange};
    GET /bulkchange/{bulkChange}/issues`,
  'Users and the organisation': 'GET /myself; GET /users; GET /users/{user}; GET /groups',
  Queues: `
    GET /queues; POST /queues; GET /queues/{queue}; DELETE /queues/{queue}; POST /queues/{queue}/_restore;
    GET /queues/{queue}/fields; GET /queues/{queue}/localFields; POST /queues/{queue}/localFields;
    GET /queues/{queue}/versions; POST /versions; GET /queues/{queue}/tags; POST /queues/{queue}/tags/_remove;
    PATCH /queues/{queue}/permissions; GET /queues/{queue}/components; GET /components; POST /components;
    GET /queues/{queue}/triggers; POST /queues/{queue}/triggers; GET /queues/{queue}/autoactions;
    POST /queues/{queue}/autoactions; GET /queues/{queue}/macros; POST /queues/{queue}/macros`,
  'Fields and dictionaries': `
    GET /fields; POST /fields; GET /fields/{field}; PATCH /fields/{field}; POST /fields/categories; GET /statuses;
    GET /statuses/{status}; GET /resolutions; GET /priorities; GET /priorities/{priority}; GET /issuetypes;
    GET /issuetypes/{type}; GET /workflows`,
  Attachments: `
    GET /issues/{issue}/attachments; POST /issues/{issue}/attachments/; POST /attachments/;
    GET /issues/{issue}/attachments/{attachment}/{name}; GET /issues/{issue}/thumbnails/{attachment};
    DELETE /issues/{issue}/attachments/{attachment}`,
  'Time and checklists': `
    GET /issues/{issue}/worklog; POST /issues/{issue}/worklog; PATCH /issues/{issue}/worklog/{worklog};
    DELETE /issues/{issue}/worklog/{worklog}; GET /worklog; POST /worklog/_search; GET /issues/{issue}/checklistItems;
    POST /issues/{issue}/checklistItems; PATCH /issues/{issue}/checklistItems/{item};
    DELETE /issues/{issue}/checklistItems/{item}; DELETE /issues/{issue}/checklistItems`,
  'Boards, sprints, projects and filters': `
    GET /boards; POST /boards; GET /boards/{board}; GET /boards/{board}/columns; GET /boards/{board}/sprints; POST /sprints;
    GET /sprints/{sprint}; GET /sprints/{sprint}/issues; GET /projects; POST /entities/{entityType};
    GET /entities/{entityType}/{entity}; PATCH /entities/{entityType}/{entity}; POST /entities/{entityType}/_search;
    POST /filters; GET /filters/{filter}`,
};

/** Kanboard's procedures, by the subjects of its documentation. */
const PROCEDURES = {
  Application:
    'getVersion getTimezone getDefaultTaskColor getDefaultTaskColors getColorList getApplicationRoles getProjectRoles',
  Links:
    'getAllLinks getOppositeLinkId getLinkByLabel getLinkById createLink updateLink removeLink createTaskLink updateTaskLink getTaskLinkById getAllTaskLinks removeTaskLink',
  'External links':
    'getExternalTaskLinkTypes getExternalTaskLinkProviderDependencies createExternalTaskLink updateExternalTaskLink getExternalTaskLinkById getAllExternalTaskLinks removeExternalTaskLink',
  Tasks:
    'createTask getTask getTaskByReference getAllTasks searchTasks getOverdueTasks getOverdueTasksByProject updateTask openTask closeTask removeTask moveTaskPosition moveTaskToProject duplicateTaskToProject',
  Comments: 'createComment getComment getAllComments updateComment removeComment',
  Tags: 'getAllTags getTagsByProject createTag updateTag removeTag setTaskTags getTaskTags',
  Categories: 'createCategory getCategory getAllCategories updateCategory removeCategory',
  'Columns and the board': 'getBoard getColumns getColumn addColumn updateColumn changeColumnPosition removeColumn',
  Projects:
    'createProject getProjectById getProjectByName getProjectByIdentifier getProjectByEmail getAllProjects updateProject removeProject enableProject disableProject enableProjectPublicAccess disableProjectPublicAccess getProjectActivity getProjectActivities',
  'Project permissions':
    'getProjectUsers getAssignableUsers addProjectUser removeProjectUser changeProjectUserRole getProjectUserRole addProjectGroup removeProjectGroup changeProjectGroupRole',
  Users:
    'createUser createLdapUser getUser getUserByName getAllUsers updateUser removeUser disableUser enableUser isActiveUser',
  Me: 'getMe getMyDashboard getMyActivityStream createMyPrivateProject getMyProjectsList getMyProjects getMyOverdueTasks',
  Swimlanes:
    'getActiveSwimlanes getAllSwimlanes getSwimlane getSwimlaneById getSwimlaneByName addSwimlane updateSwimlane removeSwimlane disableSwimlane enableSwimlane changeSwimlanePosition',
  Subtasks:
    'createSubtask getSubtask getAllSubtasks updateSubtask removeSubtask hasSubtaskTimer setSubtaskStartTime setSubtaskEndTime getSubtaskTimeSpent',
  Files:
    'createTaskFile getAllTaskFiles getTaskFile downloadTaskFile removeTaskFile removeAllTaskFiles createProjectFile getAllProjectFiles getProjectFile downloadProjectFile removeProjectFile removeAllProjectFiles',
  Groups:
    'createGroup updateGroup removeGroup getGroup getAllGroups getMemberGroups getGroupMembers addGroupMember removeGroupMember isGroupMember',
  'Automatic actions':
    'getAvailableActions getAvailableActionEvents getCompatibleActionEvents getActions createAction removeAction',
  Metadata:
    'getTaskMetadata getTaskMetadataByName saveTaskMetadata removeTaskMetadata getProjectMetadata getProjectMetadataByName saveProjectMetadata removeProjectMetadata',
};

/** What clients of the original can notice. An entry for something that is not served fails. */
const DIFFERENCES = {
  'POST /issues/_import': 'For managers of the queue. The changelog has the import, and nothing from before.',
  'POST /issues/{issue}/_clone': 'One queue for each request.',
  'POST /bulkchange/_update': 'Done before the response; at most 1000 issues, in 20 seconds.',
  'POST /bulkchange/_move': 'Done before the response; at most 1000 issues, in 20 seconds.',
  'POST /bulkchange/_transition': 'Done before the response; at most 1000 issues, in 20 seconds.',
  'PATCH /issues/{issue}': 'The status can be changed here too. Fields that are not served are refused by name.',
  'DELETE /issues/{issue}': 'For administrators of the organisation.',
  'POST /issues/{issue}/_move': 'Changes of fields in the body are refused.',
  'POST /queues': '`issueTypesConfig` is refused: every queue has all types and statuses of the organisation.',
  'GET /issues/{issue}/changelog': 'Pages may differ in length.',
  getUserByName: 'The password hash and the token are never returned.',
  createTaskLink: 'A task cannot be linked to itself; the rules of the organisation are enforced.',
  getAllTaskLinks: 'Links to tasks that the account may not see are left out.',
  updateLink: 'False for a label that does not exist, and for an opposite that does not.',
  removeLink: 'Both views of each link with the label are removed.',
  createLink: 'False if the opposite label is taken.',
  getOverdueTasks: 'Without tasks that the administrator may not see.',
  addColumn: 'The title becomes a status of the organisation, which all of its users can list.',
  updateColumn: 'The tasks keep their status, also in the Tracker API.',
  duplicateTaskToProject: 'The additional last parameter `with_links` copies the links of the task.',
  createComment: 'The author of a comment sees it whatever its visibility.',
  getAllTags: 'Without tags of projects that the account may not see, also for administrators.',
  createTag: 'Every tag belongs to a project.',
  updateTag: 'False for a tag that does not exist, and for the name of another one.',
  setTaskTags: 'The task must be in the project.',
  getBoard: 'Every project has one swimlane.',
  getProjectActivity: 'Tasks are as they are now; no events of fields that only Kanboard has.',
  getProjectActivities: 'Tasks are as they are now; no events of fields that only Kanboard has.',
  getMyActivityStream: 'Tasks are as they are now; no events of fields that only Kanboard has.',
  getMyDashboard: 'There are no subtasks.',
  changeProjectUserRole: 'False for a user without a role in the project.',
  createExternalTaskLink: 'URLs may have letters of any alphabet, and are never fetched.',
  searchTasks: '`subtask:assignee` finds nothing.',
  createTask: 'Every project has one swimlane.',
  updateProject: 'The key of the queue stays as it is.',
};

const HEADER = `<!-- \`npm run parameters\` writes this page from openapi.yaml and openrpc.yaml. -->
# Which calls of Tracker and Kanboard are served

The endpoints and procedures that the originals document and public clients call. **Served** means with the original's
requests and responses; [parameters.md](parameters.md) lists what happens to each parameter. Served **differently** means
that clients can notice what the last column says. The rest is **not served**.

## Tracker

An endpoint that is not served returns 404. All paths are below \`/v2\` and \`/v3\`.

`;
const KANBOARD = `
## Kanboard

A procedure that is not served returns the error \`-32601\`, "Method not found", as one that Kanboard does not have.

`;

/** The page, from the texts of openapi.yaml and openrpc.yaml. Throws if a difference is about something not served. */
export function compatibilityPage(openapi, openrpc) {
  const operations = Object.entries(load(openapi).paths)
    .filter(([, item]) => item.servers === undefined)
    .flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => ({ path, method })));
  const served = new Set(operations.map(({ path, method }) => shapeOf(`${method.toUpperCase()} ${path}`)));
  const methods = new Set(load(openrpc).methods.map(({ name }) => name));
  const endpoints = sectionsOf(ENDPOINTS, /;\s*/);
  const procedures = sectionsOf(PROCEDURES, / /);
  const listed = new Set(endpoints.flatMap(([, names]) => names.map(shapeOf)));
  const own = operations
    .map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    .filter((name) => !listed.has(shapeOf(name)));
  const unlisted = [...methods].filter((name) => !procedures.some(([, names]) => names.includes(name)));
  const isServed = (name) => methods.has(name) || served.has(shapeOf(name));
  const wrong = Object.keys(DIFFERENCES).filter((name) => !isServed(name));
  if (wrong.length + unlisted.length > 0) {
    throw new Error(`scripts/compatibility.js: not served: ${wrong.join()}; not listed: ${unlisted.join()}`);
  }
  const tracker = table('endpoint', endpoints, isServed);
  const more = `Endpoints that are served as well: ${own.map((name) => `\`${name}\``).join(', ')}.\n`;
  return `${HEADER}${tracker}\n${more}${KANBOARD}${table('procedure', procedures, isServed)}`;
}

function sectionsOf(texts, separator) {
  return Object.entries(texts).map(([title, text]) => [title, text.trim().split(separator)]);
}

/** Paths are the same whatever their parameters are called. */
function shapeOf(name) {
  return name.replaceAll(/\{\w+\}/g, '{}');
}

function table(kind, sections, isServed) {
  const rows = sections.flatMap(([title, names]) =>
    names.map((name, place) => {
      const state = !isServed(name) ? 'not served' : DIFFERENCES[name] ? 'differently' : 'served';
      return `| ${place === 0 ? title : ''} | \`${name}\` | ${state} | ${DIFFERENCES[name] ?? ''} |`.replaceAll(
        '|  |',
        '| |',
      );
    }),
  );
  return [`| | ${kind} | | |`, '|---|---|---|---|', ...rows, ''].join('\n').replaceAll('|  |', '| |');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  writeFileSync(FILE, compatibilityPage(read('openapi.yaml'), read('openrpc.yaml')));
}
