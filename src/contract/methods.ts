import type { Contract } from './contract.ts';
import type { MethodName } from './types.ts';

/** Which accounts may call a method; `project` leaves it to the role that they have in the project. */
export type Access = 'anyone' | 'user' | 'manager' | 'admin' | 'project';

/** One procedure of the Kanboard face, as openapi.yaml declares it. */
export interface Method {
  readonly name: MethodName;
  /** In their positional order. */
  readonly params: readonly { readonly name: string; readonly required: boolean; readonly default: unknown }[];
  readonly access: Access;
  /** What it answers when it cannot do what it was asked. */
  readonly failure: unknown;
}

interface ParamsSchema {
  readonly 'x-access': Access;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, { readonly default?: unknown }>>;
}

interface ResultSchema {
  readonly 'x-failure': unknown;
}

const SUFFIX = 'Params';

/**
 * The method table: a schema `<Method>Params` declares a method, its properties the parameters in their order, and
 * `<Method>Result` what it answers.
 */
export function methodsOf({ document }: Contract): ReadonlyMap<string, Method> {
  const schemas = document.components.schemas;
  const names = Object.keys(schemas).filter((name) => name.endsWith(SUFFIX));
  const methods = names.map((schemaName) => {
    const base = schemaName.slice(0, -SUFFIX.length);
    const { 'x-access': access, required = [], properties = {} } = schemas[schemaName] as ParamsSchema;
    const { 'x-failure': failure } = schemas[`${base}Result`] as ResultSchema;
    const params = Object.entries(properties).map(([name, schema]) => ({
      name,
      required: required.includes(name),
      default: schema.default,
    }));
    return { name: `${base.charAt(0).toLowerCase()}${base.slice(1)}` as MethodName, params, access, failure };
  });
  return new Map(methods.map((method) => [method.name, method]));
}
