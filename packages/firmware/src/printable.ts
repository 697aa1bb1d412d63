/** A name from a file as it may stand in a message: control characters shown as \xNN, cut after 80 characters. */
export function printable(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return Array.from(cut, (char) => {
    const code = char.charCodeAt(0);
    const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    return isControl ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  }).join('');
}
