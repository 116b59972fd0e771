import { type Language, texts } from '../texts.ts';

/** A graph of links as openapi.yaml describes it (`LinkGraph`), and what a picture of it needs besides. */
export interface DrawnGraph {
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
  readonly truncated: boolean;
}

export interface DrawnNode {
  readonly self: string;
  readonly key: string;
  readonly display: string;
  readonly status: { readonly display: string };
}

export interface DrawnEdge {
  readonly id: number;
  readonly type: { readonly id: string; readonly inward: string; readonly outward: string };
  readonly from: string;
  readonly to: string;
}

/** An edge leads from the outward end, so the type's outward name tells what `from` is to `to`. */
export function labelOf({ type }: DrawnEdge): string {
  return type.outward;
}

/** Whether the ends of the link are interchangeable, so that it has no arrow. */
export function isSymmetric({ type }: DrawnEdge): boolean {
  return type.inward === type.outward;
}

/** The text that marks a graph from which something is missing. */
export function truncationOf({ truncated, nodes }: DrawnGraph, language: Language): string | undefined {
  return truncated ? texts.graphTruncated(String(nodes.length))[language] : undefined;
}

const segmenter = new Intl.Segmenter();

/** Shortens a text to that many characters, as people count them. */
export function shortened(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const characters = Array.from(segmenter.segment(text.slice(0, 100 * charactersMax)), ({ segment }) => segment);
  return characters.length <= charactersMax ? text : `${characters.slice(0, charactersMax - 1).join('')}…`;
}
