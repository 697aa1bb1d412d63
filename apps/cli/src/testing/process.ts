import { main, processIo } from '../index.ts';

/** The command from its sources, for tests that kill its process. */
process.exitCode = await main(process.argv.slice(2), processIo());
