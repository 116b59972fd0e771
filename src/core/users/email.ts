/** What browsers take for an e-mail address (HTML, "valid e-mail address"). */
const EMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i;

export function isEmail(text: string): boolean {
  return EMAIL.test(text);
}
