// A primary with standbys, of the embedded PostgreSQL with the settings of production, and two servers on them.
import './typescript.js';
import { startServer } from '../bench/processes.js';
import { build } from '../scripts/build.js';
import { isBuilt } from '../scripts/is-built.js';
import { createOrganisation } from './environment.js';

const SERVERS = 2;

/** With `readsReplicas`, the servers read from the standbys. */
export async function openReplicatedEnvironment({ folder, standbyNames, readsReplicas = false }) {
  if (!isBuilt() && !build()) throw new Error('The build failed.');
  const { PostgresServer } = await import('../test/support/replication.ts');
  const { migrate } = await import('../dist/database/migrations.js');
  const members = [await PostgresServer.create(folder, 'primary', 'durable')];
  const servers = [];
  const close = async () => {
    for (const server of servers) await server.stop();
    for (const member of members) await member.close();
  };
  try {
    const [primary] = members;
    await migrate(primary.connection);
    for (const name of standbyNames) members.push(await primary.clone(folder, name));
    const organisation = await createOrganisation(primary.connection, 'stress');
    const databaseUrl = urlOf(members);
    const environment = {
      DATABASE_URL: databaseUrl,
      LOG_LEVEL: 'warn',
      ...(readsReplicas && { DATABASE_READ_URL: urlOf(members.slice(1)) }),
    };
    while (servers.length < SERVERS) servers.push(await startServer(folder, environment));
    return { ...organisation, databaseUrl, members, servers, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function urlOf(members) {
  const [{ connection }] = members;
  const hosts = members.map(({ connection: { host, port } }) => `${host}:${port}`);
  return `postgres://${connection.user}:${encodeURIComponent(connection.password)}@${hosts.join()}/${connection.database}`;
}
