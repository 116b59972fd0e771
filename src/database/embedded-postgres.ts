export interface EmbeddedPostgres { readonly connection: { host: string; port: number; user: string; password: string; database: string }; readonly created: boolean; stop(): Promise<void> }
export async function startEmbeddedPostgres(_o: { dataDir: string; log: unknown }): Promise<EmbeddedPostgres> { throw new Error('stub'); }
