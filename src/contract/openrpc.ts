import { readContract } from './contract-files.ts';
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
  readonly description: string;
  readonly tags: readonly { readonly name: string }[];
  /** In positional order. */
  readonly params: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly description?: string;
    readonly schema: { readonly default?: unknown; readonly [keyword: string]: unknown };
  }[];
  readonly result: { readonly description?: string; readonly schema: Readonly<Record<string, unknown>> };
  readonly 'x-access': Access;
  /** The result of a call that fails. */
  readonly 'x-failure': unknown;
  readonly examples: readonly {
    readonly description?: string;
    readonly params: readonly { readonly name: string; readonly value: unknown }[];
    readonly result: { readonly value: unknown };
  }[];
}

export interface RpcContract {
  readonly document: { readonly methods: readonly Method[]; readonly components: { readonly schemas: object } };
  readonly methods: ReadonlyMap<string, Method>;
}

export function loadRpcContract(): RpcContract {
  const document = readContract('openrpc.json') as RpcContract['document'];
  return { document, methods: new Map(document.methods.map((method) => [method.name, method])) };
}
