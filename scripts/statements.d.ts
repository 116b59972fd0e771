export function statementsSql(folder: URL): Promise<string>;
