export function parametersPage(openapi: string, openrpc: string): string;
