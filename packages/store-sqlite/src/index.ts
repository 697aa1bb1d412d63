/**
 * The Meshferry store on SQLite: small records that survive a power cut.
 *
 * @packageDocumentation
 */
export {};
