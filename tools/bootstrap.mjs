// The only two commands a user needs, in plain Node so that they run before anything is installed:
//   npm start [-- ARGS]   install what is missing, build, run the demo (ARGS go to it)
//   npm test [-- FILTER]  install, build, check everything, run every test (FILTER goes to vitest)
// and `clean`, which a release needs: outputs of deleted sources would be published otherwise.
// A step prints one line with its time. A step that fails prints what it said and ends the run.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = cleanEnvironment();
const results = 'test-results/vitest.json';

const tools = {
  turbo: 'node_modules/turbo/bin/turbo',
  tsc: 'node_modules/typescript/bin/tsc',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  vitest: 'node_modules/vitest/vitest.mjs',
};
const checks = ['--import=tsx', '--conditions=@meshferry/source', 'tools/checks/src/index.ts'];

const [command = '', ...args] = process.argv.slice(2);
const commands = { start, test, clean };
if (!Object.hasOwn(commands, command)) {
  console.error(`Unknown command "${command}". There are: ${Object.keys(commands).join(', ')}.`);
  process.exit(2);
}
process.exitCode = await commands[command]();

async function start() {
  await prepare();
  // Ctrl-C reaches the demo too: it saves its state and says how to go on, this process waits for it.
  process.on('SIGINT', () => {});
  return run(process.execPath, ['apps/cli/bin/meshferry.js', 'demo', ...args], {
    stdio: 'inherit',
    env: cleanEnvironment(false),
  });
}

async function test() {
  rmSync(join(root, results), { force: true });
  await prepare();
  await step('type-check tests', () =>
    node(
      tools.tsc,
      '-p',
      'tsconfig.test.json',
      '--incremental',
      '--tsBuildInfoFile',
      'node_modules/.cache/tests.tsbuildinfo',
    ),
  );
  await step('lint and format', () => node(tools.biome, 'check', '--error-on-warnings'));
  await step('floors and purity', () => node(...checks, 'floors'));
  await step('READMEs', () => node(...checks, 'readme', '--check'));
  await step('packages', () => node(...checks, 'packages'));
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  await step('tests', () => node(tools.vitest, 'run', ...reporters, ...args), countTests);
  for (const example of examplesWithTests())
    await step(example, () => node('node_modules/pnpm/bin/pnpm.cjs', '-C', example, 'test'));
  return 0;
}

function clean() {
  for (const manifest of workspaceManifests()) {
    rmSync(join(root, manifest, '../dist'), { recursive: true, force: true });
  }
  return 0;
}

async function prepare() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node ${process.versions.node} is too old: Meshferry needs 20.19 or later.`);
    process.exit(1);
  }
  await install();
  await step('build', () => node(tools.turbo, 'run', 'build', '--output-logs=errors-only'));
}

/** Installs when the lockfile or any manifest differs from what the last installation saw. */
async function install() {
  const stamp = join(root, 'node_modules/.meshferry-installed');
  const wanted = installationHash();
  // A .package-lock.json is the mark of an `npm install` over pnpm's node_modules: repair it.
  const foreign = existsSync(join(root, 'node_modules/.package-lock.json'));
  if (!foreign && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const pnpm = packageManager.replace(/\+.*/, '');
  // From elsewhere, or npx takes the pnpm of node_modules, which then may delete the ground it stands on.
  const elsewhere = mkdtempSync(join(tmpdir(), 'meshferry-install-'));
  const argv = ['--yes', '--prefer-offline', pnpm, '-C', root, 'install', '--frozen-lockfile', '--prefer-offline'];
  await step('install', () => run('npx', argv, { cwd: elsewhere, shell: process.platform === 'win32' }));
  rmSync(elsewhere, { recursive: true, force: true });
  rmSync(join(root, 'node_modules/.package-lock.json'), { force: true });
  writeFileSync(stamp, wanted);
}

function installationHash() {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(root, file)));
  for (const manifest of workspaceManifests()) hash.update(manifest).update(readFileSync(join(root, manifest)));
  return hash.digest('hex');
}

function workspaceManifests() {
  const manifests = [];
  for (const group of ['packages', 'apps', 'tools', 'examples']) {
    if (!existsSync(join(root, group))) continue;
    for (const name of readdirSync(join(root, group)).sort()) {
      const manifest = `${group}/${name}/package.json`;
      if (existsSync(join(root, manifest))) manifests.push(manifest);
    }
  }
  return manifests;
}

function examplesWithTests() {
  return workspaceManifests()
    .filter((file) => file.startsWith('examples/') && JSON.parse(readFileSync(join(root, file), 'utf8')).scripts?.test)
    .map((file) => file.slice(0, -'/package.json'.length));
}

/** npm's own settings leak into pnpm through npm_*; turbo wants pnpm on the PATH. */
function cleanEnvironment(forTools = true) {
  const clean = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('npm_') || name === 'npm_config_registry') clean[name] = value;
  }
  if (!forTools) return clean;
  const path = Object.keys(clean).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  clean[path] = [join(root, 'node_modules/.bin'), clean[path]].join(delimiter);
  return { ...clean, CI: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
}

/** Runs `work`, a function that resolves to an exit code and output; prints one line; ends the process on failure. */
async function step(name, work, detail = () => '') {
  const began = performance.now();
  if (process.stdout.isTTY) process.stdout.write(`· ${name} …`);
  const { code, output } = await work();
  const line = `${code === 0 ? '✓' : '✗'} ${name.padEnd(18)} ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
  if (code !== 0) process.stdout.write(output);
  console.log(`${line}  ${detail()}`.trimEnd());
  if (code !== 0) process.exit(code);
}

/** Runs a script by this Node, its output kept for {@link step}. */
function node(...argv) {
  return run(process.execPath, argv);
}

/** With its output kept resolves to {code, output}, with inherited stdio to the exit code. */
function run(program, argv, options = {}) {
  return new Promise((resolve) => {
    const kept = [];
    const child = spawn(program, argv, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.stdout?.on('data', (chunk) => kept.push(chunk));
    child.stderr?.on('data', (chunk) => kept.push(chunk));
    const end = (code) => resolve(child.stdout === null ? code : { code, output: Buffer.concat(kept).toString() });
    child.on('error', (error) => {
      kept.push(Buffer.from(`${program}: ${error.message}\n`));
      end(1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

function countTests() {
  if (!existsSync(join(root, results))) return '';
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(join(root, results), 'utf8'));
  return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`;
}
