import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

// Sources are read through the private export condition, so tests need no build.
const conditions = ['@meshferry/source', 'node', 'import', 'default'];

/** Native add-ons, child processes, environment variables: these get a process of their own for each file. */
const isolated = [
  'packages/store-sqlite',
  'packages/byte-streams',
  'packages/bearer-hci',
  'packages/bearer-noble',
  'packages/bearer-dongle',
  'packages/smp-serial',
  'packages/smp-udp',
  'apps/cli',
  'tools/checks',
  'tools/peers',
];

/** The vectors and codecs of the protocol, which run once more on the fast backend. */
const onBothBackends = [
  'network/src/pdu',
  'network/src/sample-messages',
  'network/src/lower-transport-pdu',
  'network/src/sar-*',
  'network/src/beacons',
  'network/src/proxy-vectors',
  'network/src/proxy-codecs',
  'network/src/control-messages',
  'network/src/network-layer',
  'network/src/solicitation',
  'provisioning/src/session-vectors',
  'provisioning/src/captures',
  'provisioning/src/two-ends',
];

/** The seed of all property tests: another one for each run, unless it is given to repeat that run. */
if (!/^\d+$/.test(process.env.MESHFERRY_SEED ?? '')) {
  process.env.MESHFERRY_SEED = String(Date.now() % 0x7fff_ffff);
  console.error(
    `property tests: seed ${process.env.MESHFERRY_SEED} (MESHFERRY_SEED=${process.env.MESHFERRY_SEED} repeats them)`,
  );
}

const tests = (folder: string): string => `${folder}/src/**/*.test.ts`;

const backend = `${root}packages/crypto-node/src/testing/crypto-on-node.ts`;

/** Puts the fast backend in the place of the portable one, for all but the file that does so. */
const cryptoOnNode = {
  name: 'crypto-on-node',
  enforce: 'pre' as const,
  resolveId: (source: string, importer: string | undefined): string | undefined =>
    source === '@meshferry/crypto' && importer !== backend ? backend : undefined,
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    maxWorkers: 2,
    setupFiles: [`${root}vitest.setup.ts`],
    env: { MESHFERRY_SEED: process.env.MESHFERRY_SEED ?? '' },
    // No test is timed: this only ends one that hangs, also on a machine that is busy with other things.
    testTimeout: 300_000,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/testing/**', '**/index.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
    projects: [
      {
        extends: true,
        // Plain computation on simulated time: one thread runs file after file without starting anew.
        test: {
          name: 'pure',
          root,
          include: ['packages', 'apps', 'tools'].map((group) => tests(`${group}/*`)),
          exclude: isolated.map(tests),
          pool: 'threads',
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'isolated', root, include: isolated.map(tests), pool: 'forks', isolate: true },
      },
      {
        extends: true,
        plugins: [cryptoOnNode],
        test: {
          name: 'on node:crypto',
          root,
          include: onBothBackends.map((name) => `packages/${name}.test.ts`),
          pool: 'threads',
          isolate: true,
        },
      },
    ],
  },
});
