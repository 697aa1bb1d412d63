import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { below, type Report } from './report.ts';

/** The document within what was read: itself, or wrapped as `{ "meshNetwork": … }`; undefined, and an error, for others. */
export function unwrap(
  source: Json,
  report: Report,
): { document: JsonObject; wrapper: JsonObject | undefined } | undefined {
  const hint = 'Choose the file that the app exported as a mesh network (Mesh Configuration Database, JSON).';
  if (!isObject(source)) {
    return report.error('', 'not-a-network', 'this JSON is not a mesh network: the outermost value is no object', hint);
  }
  if (looksLikeNetwork(source)) return { document: source, wrapper: undefined };
  const inner = Object.hasOwn(source, 'meshNetwork') ? source.meshNetwork : undefined;
  if (isObject(inner)) {
    const { meshNetwork: _, ...beside } = source;
    for (const name of Object.keys(beside)) {
      report.warn(below('', name), 'beside-network', `"${name}" stands beside the network: it is not part of it`);
    }
    return { document: inner, wrapper: source };
  }
  const found = Object.keys(source)
    .slice(0, 4)
    .map((name) => JSON.stringify(name.slice(0, 20)));
  const shown =
    found.length === 0 ? 'it is empty' : `it has ${found.join(', ')} instead of meshUUID, netKeys and nodes`;
  return report.error('', 'not-a-network', `this JSON is not a mesh network: ${shown}`, hint);
}

/**
 * Tells of a version this reader does not know, and of mesh-cfgclient's deviations. Another 1.x is read; another major
 * version is refused, because what it means by the same words is not known, and would be written back wrong.
 */
export function checkDialect(source: JsonObject, report: Report): void {
  const warning = versionWarning(source);
  if (warning !== undefined && isOtherMajor(source))
    report.error('/version', 'other-version', warning, OTHER_VERSION_HINT);
  else if (warning !== undefined) report.warn('/version', 'other-version', warning);
  if (!isBlueZ(source)) return;
  report.warn(
    '',
    'bluez-style',
    'written by mesh-cfgclient: counts of networkTransmit and relayRetransmit are one too low, a publish resolution of 10000 means 1000',
    'Ask the nodes (net node show) before you rely on publish periods and transmit counts.',
  );
}

/** What to say of the version, if it is not 1.0.0 or 1.0.1. */
export function versionWarning(source: JsonObject): string | undefined {
  const version = Object.hasOwn(source, 'version') ? source.version : undefined;
  if (version === '1.0.1' || version === '1.0.0') return undefined;
  if (version === undefined) return 'the document does not say its version: read as 1.0.1';
  const shown =
    typeof version === 'string' || typeof version === 'number' ? String(version).slice(0, 20) : 'none that is a text';
  return `the document says version ${shown}; this reader knows 1.0.0 and 1.0.1`;
}

/** What helps against a document of a version that is not known. */
export const OTHER_VERSION_HINT =
  'Export the network in version 1.0.1 of the Mesh Configuration Database, or update Meshferry.';

function isOtherMajor({ version }: JsonObject): boolean {
  return typeof version === 'string' && /^\d+(\.|$)/.test(version) && !/^1(\.|$)/.test(version);
}

function looksLikeNetwork(source: JsonObject): boolean {
  return ['meshUUID', 'netKeys', 'nodes', 'provisioners'].filter((name) => Object.hasOwn(source, name)).length >= 2;
}

/** Lower-case hex with version 1.0.0 and the word `excluded` (`cdb.md`, section 5). */
function isBlueZ({ version, nodes, netKeys }: JsonObject): boolean {
  if (version !== '1.0.0' || !isArray(nodes) || !isArray(netKeys)) return false;
  const key = isObject(netKeys[0]) ? netKeys[0].key : undefined;
  if (typeof key !== 'string' || !/[a-f]/.test(key) || /[A-F]/.test(key)) return false;
  return nodes.some((node) => isObject(node) && Object.hasOwn(node, 'excluded'));
}
