import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { components } from './openrpc.generated.ts';

/** The named schemas of openrpc.yaml, such as `Schemas['Task']`. */
export type Schemas = components['schemas'];

export type MethodName = keyof Schemas['Methods'];

export type MethodParams<Name extends MethodName> = Schemas['Methods'][Name]['params'];

export type MethodResult<Name extends MethodName> = Schemas['Methods'][Name]['result'];

/** Which accounts may call a method; for `project`, that depends on their role in the project. */
export type Access = 'anyone' | 'user' | 'manager' | 'admin' | 'project';

/** One method, as openrpc.yaml declares it. */
export interface Method {
  readonly name: MethodName;
  /** In positional order. */
  readonly params: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly schema: { readonly default?: unknown };
  }[];
  readonly result: { readonly schema: object };
  readonly 'x-access': Access;
  /** The result of a call that fails. */
  readonly 'x-failure': unknown;
}

export interface RpcContract {
  /** openrpc.yaml, verbatim. */
  readonly yaml: string;
  readonly document: { readonly methods: readonly Method[]; readonly components: object };
  readonly methods: ReadonlyMap<string, Method>;
}

export function loadRpcContract(): RpcContract {
  const yaml = readFileSync(new URL('../../openrpc.yaml', import.meta.url), 'utf8');
  const document = load(yaml) as RpcContract['document'];
  return { yaml, document, methods: new Map(document.methods.map((method) => [method.name, method])) };
}
