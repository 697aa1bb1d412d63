#!/usr/bin/env node
import { existsSync } from 'node:fs';

const built = new URL('../dist/index.js', import.meta.url);
if (existsSync(built)) {
  const { main, processIo } = await import(built.href);
  process.exitCode = await main(process.argv.slice(2), processIo());
  // What somebody else's Bluetooth library has left running must not keep the process, once all is written.
  const leave = () => (process.stdout.writableLength > 0 ? setTimeout(leave, 1000).unref() : process.exit());
  setTimeout(leave, 1000).unref();
} else {
  console.error('error: meshferry is not built yet\n  Run "npm start" once in the top folder of the checkout.');
  process.exitCode = 1;
}
