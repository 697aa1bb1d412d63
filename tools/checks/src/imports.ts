import { cruise, type IForbiddenRuleType, type IReporterOutput } from 'dependency-cruiser';
import { floorOf, importable, importableByTests, isPure } from './floors.ts';
import { type Package, packagesOf, testFile } from './workspace.ts';

/**
 * Imports that break the floors: upward or sideways, into the files of another package, of Node below the edge, of
 * something the package does not declare, round in a circle. One line each; empty when all is well.
 */
export async function importViolations(root: string): Promise<string[]> {
  const packages = packagesOf(root);
  const homeless = packages.filter(({ folder }) => floorOf(folder) < 0);
  if (homeless.length > 0)
    return homeless.map(({ path }) => `${path}: has no floor yet, add it to tools/checks/src/floors.ts`);
  const result: IReporterOutput = await cruise(
    packages.map(({ path }) => `${path}/src`),
    {
      baseDir: root,
      outputType: 'json',
      validate: true,
      ruleSet: { forbidden: [...packages.flatMap(floorRules), ...packages.flatMap(meetingRules), ...commonRules] },
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '/dist/' },
      tsPreCompilationDeps: true,
      combinedDependencies: false,
    },
    {
      conditionNames: ['@meshferry/source', 'import', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json', '.d.ts'],
    },
  );
  const { summary } = JSON.parse(String(result.output)) as { summary: { violations: Violation[] } };
  return summary.violations.map(({ from, to, rule }) => `${from}: imports ${to} (${rule.name})`).sort();
}

const error = { severity: 'error' } as const;

interface Violation {
  from: string;
  to: string;
  rule: { name: string };
}

/** What one package may import of the others, and, when pure, that it imports nothing of Node. */
function floorRules({ folder, path, manifest }: Package): IForbiddenRuleType[] {
  const own = `^${path}/src/`;
  const declared = Object.keys(manifest.dependencies ?? {}).map((name) => name.replace('@meshferry/', ''));
  const rules = [
    forbid('not declared in its package.json', own, declared, testFile.source),
    forbid(`${folder} may only import lower floors`, own, importable(folder), testFile.source),
    forbid(
      `tests of ${folder} may only import its floor and lower ones`,
      `${own}.*(${testFile.source})`,
      importableByTests(folder),
    ),
  ];
  if (isPure(folder)) {
    rules.push({
      name: 'no Node built-in below the edge',
      ...error,
      from: { path: own, pathNot: testFile.source },
      to: { dependencyTypes: ['core'] },
    });
  }
  return rules;

  function forbid(name: string, from: string, allowed: readonly string[], pathNot?: string): IForbiddenRuleType {
    return {
      name,
      ...error,
      from: { path: from, ...(pathNot === undefined ? {} : { pathNot }) },
      to: { path: '^(packages|apps|tools)/', pathNot: `^(packages|apps)/(${[folder, ...allowed].join('|')})/` },
    };
  }
}

/** Packages meet through their public index, by name. Tests may share what a package keeps in `testing/` for tests. */
function meetingRules({ path }: Package): IForbiddenRuleType[] {
  const own = `^${path}/`;
  const others = '^(packages|apps)/';
  const index = '/src/index\\.ts$';
  const name = 'packages meet through index.ts only';
  return [
    { name, ...error, from: { path: own, pathNot: testFile.source }, to: { path: others, pathNot: [own, index] } },
    {
      name,
      ...error,
      from: { path: `${own}.*(${testFile.source})` },
      to: { path: others, pathNot: [own, index, '/testing/'] },
    },
    {
      name: 'other packages are imported by name',
      ...error,
      from: { path: own },
      to: { path: others, pathNot: [own, '/testing/'], dependencyTypes: ['local'] },
    },
  ];
}

const commonRules: readonly IForbiddenRuleType[] = [
  // Files may name each other's types: such a circle is gone once compiled.
  { name: 'no cycles', ...error, from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
  { name: 'cannot be resolved', ...error, from: {}, to: { couldNotResolve: true } },
  {
    name: 'not declared in its package.json',
    ...error,
    from: { pathNot: testFile.source },
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
  },
];
