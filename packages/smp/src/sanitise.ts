/**
 * Control characters, and what turns the direction of text round or hides: a peer must not steer the terminal of who reads it.
 * Line feeds, carriage returns and tabs are left where lines are expected.
 */
const IN_A_LINE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const IN_LINES = /(?![\t\n\r])[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A received text for people to read: what steers terminals is shown as U+FFFD. */
export function sanitise(text: string, as: 'line' | 'lines'): string {
  return text.replace(as === 'line' ? IN_A_LINE : IN_LINES, '\ufffd');
}
