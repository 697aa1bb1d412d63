/** A row of a table of codes: code, what a server of v1 sends instead, words, remedy. */
export type CodeRow = readonly [code: number, v1: number, name: string, remedy: string];
