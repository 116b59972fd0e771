/** The phrase of a label, which defaults to its English name. */
export function phraseOf(phrase: string | null, english: string): string {
  return normalizedPhrase(phrase ?? english);
}

/** The same for a phrase in any letter case and with spaces, hyphens or underscores. */
export function normalizedPhrase(phrase: string): string {
  return phrase
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();
}
