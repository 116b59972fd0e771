/** Puts a value aside for the statement, and answers how its text refers to it. */
export type Parameter = (value: unknown) => string;

export function parameters(values: unknown[]): Parameter {
  return (value) => `$${values.push(value)}`;
}

export function numbered(text: string): string {
  return text.replaceAll(':orgId', '$1').replaceAll(':userId', '$2').replaceAll(':isApplication', '$3');
}
