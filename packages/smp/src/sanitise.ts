/**
 * Control characters, and what turns the direction of text round or hides: a peer must not steer the terminal of who reads it.
 * Line feeds, carriage returns and tabs are left where lines are expected.
 */
const IN_A_LINE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const IN_LINES = /(?![\t\n\r])[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Control sequences, as shells colour their output with them [ECMA-48, 5.4]: they say nothing. */
const [ESC, CSI] = [String.fromCharCode(0x1b), String.fromCharCode(0x9b)];
const SEQUENCE = new RegExp(`(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`, 'g');

/** A received text for people to read: what steers terminals is shown as U+FFFD; of several lines colours are gone. */
export function sanitise(text: string, as: 'line' | 'lines'): string {
  return as === 'line' ? text.replace(IN_A_LINE, '\ufffd') : text.replace(SEQUENCE, '').replace(IN_LINES, '\ufffd');
}
