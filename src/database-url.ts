const URL_PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/** The parameters that the driver applies; it would ignore any other. */
const PARAMETERS = new Set([
  ...['host', 'port', 'user', 'password', 'application_name', 'options', 'target_session_attrs'],
  ...['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation'],
]);

/** The values of target_session_attrs that fit: DATABASE_URL leads to the primary, DATABASE_READ_URL to replicas. */
const TARGETS = {
  primary: new Set(['read-write', 'primary']),
  replicas: new Set(['any', 'standby', 'prefer-standby', 'read-only']),
};

/**
 * Splits a PostgreSQL URL that lists several hosts, as libpq understands it, into a URL for each host: node-postgres takes
 * only one. Throws an Error that names the problem, without the password.
 */
export function splitDatabaseUrl(url: string, role: keyof typeof TARGETS): string[] {
  const [, scheme = '', authority = '', path = '', query = ''] = URL_PARTS.exec(url) ?? [];
  const parameters = new URLSearchParams(query);
  for (const [name, value] of parameters) {
    if (!PARAMETERS.has(name)) throw new Error(`has the parameter ${name}, which is not supported`);
    if (name === 'target_session_attrs' && !TARGETS[role].has(value))
      throw new Error(`must have target_session_attrs=${[...TARGETS[role]].join(' or ')}, or none`);
  }
  const end = authority.lastIndexOf('@') + 1;
  const named = parameters.get('host')?.split(',');
  const ports = parameters.get('port')?.split(',') ?? [];
  const hosts = named ?? authority.slice(end).split(',');
  if (ports.length > 1 && ports.length !== hosts.length) throw new Error('must list one port, or one for each host');
  parameters.delete('target_session_attrs');
  const urls = hosts.map((host, index) => {
    const single = new URLSearchParams(parameters);
    if (named) single.set('host', host);
    const port = ports[index] ?? ports[0];
    if (port !== undefined) single.set('port', port);
    const suffix = single.size === 0 ? '' : `?${single.toString().replaceAll('+', '%20')}`;
    return `${scheme}${authority.slice(0, end)}${named ? '' : host}${path}${suffix}`;
  });
  // A URL has no host if a parameter names the socket directory.
  const isValid = scheme !== '' && urls.every((single) => URL.canParse(single.replace('@/', '@localhost/')));
  if (!isValid) throw new Error('must be a postgres:// URL');
  return urls;
}
