/** Puts a value aside for the statement, and answers how its text refers to it. */
export type Parameter = (value: unknown) => string;

export function parameters(values: unknown[]): Parameter {
  return (value) => `$${values.push(value)}`;
}
