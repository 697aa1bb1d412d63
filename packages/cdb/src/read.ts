import { fail, ok, type Result } from '@meshferry/core';
import { check } from './check.ts';
import { checkDialect, OTHER_VERSION_HINT, unwrap, versionWarning } from './dialect.ts';
import { copyJson, type Json, type JsonObject } from './json.ts';
import { parseJsonText } from './json-text.ts';
import { dropDangling } from './lenient.ts';
import type { NetworkDocument } from './model.ts';
import { type DocumentIssue, Report } from './report.ts';
import { networkDocument } from './schema.ts';
import { setWrapper } from './wrapper.ts';

/** A document that was read, and what is to be said about it. */
export interface ReadDocument {
  readonly document: NetworkDocument;
  /** Odd, but left as it is: two nodes with one UUID, a version that is not known. */
  readonly warnings: readonly DocumentIssue[];
  /** Older or mistaken forms, and what they were read as. They are written back as they came while nobody changes them. */
  readonly repairs: readonly DocumentIssue[];
}

export interface ReadOptions {
  /** Drop references to what is not in the document, with warnings, in place of refusing it (default false). */
  readonly lenient?: boolean;
}

/**
 * Reads a Mesh Configuration Database document of version 1.0.0 or 1.0.1, bare or wrapped in `meshNetwork`, from nRF Mesh,
 * mesh-cfgclient or Meshferry: from text, from UTF-8 octets, or from JSON that was parsed already. Never throws, whatever it is
 * given; an error lists all that is wrong, each with its JSON pointer into the document (without the wrapper). [`cdb.md`, 3]
 */
export function readNetworkDocument(
  source: unknown,
  { lenient = false }: ReadOptions = {},
): Result<ReadDocument, readonly DocumentIssue[]> {
  const report = new Report();
  const json = jsonOf(source, report);
  const found = json === undefined ? undefined : unwrap(json, report);
  if (found === undefined) return fail(report.errors);
  checkDialect(found.document, report);
  const values = networkDocument(found.document, '', report);
  if (values === undefined || typeof values === 'symbol') return fail(refusal(found.document, report));
  const document = lenient ? dropDangling(values, report) : values;
  check(document, report);
  if (report.failed) return fail(refusal(found.document, report));
  const { warnings, repairs } = report;
  return ok({
    document: found.wrapper === undefined ? document : setWrapper(document, found.wrapper),
    warnings,
    repairs,
  });
}

/** What is wrong with a document, by the same rules; empty if nothing is. For documents that a program has put together. */
export function validateNetworkDocument(document: NetworkDocument): readonly DocumentIssue[] {
  const read = readNetworkDocument(document);
  return read.ok ? [] : read.error;
}

function jsonOf(source: unknown, report: Report): Json | undefined {
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    const copy = copyJson(source);
    return copy.ok
      ? copy.value
      : report.error(copy.error.pointer, copy.error.code, copy.error.message, copy.error.hint);
  }
  const parsed = parseJsonText(source);
  if (!parsed.ok) return report.error(parsed.error.pointer, parsed.error.code, parsed.error.message, parsed.error.hint);
  for (const { pointer, code, message } of parsed.value.warnings) report.warn(pointer, code, message);
  return parsed.value.value;
}

/** The errors; a version that is not known may be the reason of them all, and comes after the first. */
function refusal(source: JsonObject, report: Report): readonly DocumentIssue[] {
  const version = source.version === undefined ? undefined : versionWarning(source);
  if (version === undefined || report.errors.some(({ pointer }) => pointer === '/version')) return report.errors;
  return [{ pointer: '/version', code: 'other-version', message: version, hint: OTHER_VERSION_HINT }, ...report.errors];
}
