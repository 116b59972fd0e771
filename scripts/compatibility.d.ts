export function compatibilityPage(openapi: string, openrpc: string): string;
