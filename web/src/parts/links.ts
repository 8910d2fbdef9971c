/** Where a link that an agent wrote may lead. Pure. */

const SCHEMES = /^(?:https?|mailto):/i;
// Browsers drop these inside of a scheme.
const IGNORED = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff]/g;

/** The address if it is http(s), mailto or a place in the same text, else null. */
export function safeLink(href: string | null | undefined): string | null {
  const address = (href ?? '').replace(IGNORED, '');
  if (/^#[^\s]*$/.test(address)) return address;
  if (!SCHEMES.test(address)) return null;
  try {
    return SCHEMES.test(new URL(address).protocol) ? address : null;
  } catch {
    return null;
  }
}
