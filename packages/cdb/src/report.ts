import { MeshError } from '@meshferry/core';

/** Something about a document, and where. */
export interface DocumentIssue {
  /** JSON pointer (RFC 6901) into the document; the document itself is the empty text. */
  readonly pointer: string;
  /**
   * Errors: `missing`, `wrong-type`, `invalid-value`, `duplicate`, `overlap`, `dangling-reference`, `cycle`, and for texts that
   * are no document at all `not-json`, `not-a-network`, `too-deep`, `too-large`.
   */
  readonly code: string;
  /** Names the property and the value; never a key. */
  readonly message: string;
  readonly hint?: string;
}

/** How many of a kind are listed; the last one says how many more there were. */
const LISTED = 200;

/** Collects what a reader finds; never more than {@link LISTED} of a kind, however large the document. */
export class Report {
  readonly #errors = new IssueList();
  readonly #warnings = new IssueList();
  readonly #repairs = new IssueList();

  get failed(): boolean {
    return this.#errors.count > 0;
  }

  get errors(): readonly DocumentIssue[] {
    return this.#errors.all();
  }

  get warnings(): readonly DocumentIssue[] {
    return this.#warnings.all();
  }

  get repairs(): readonly DocumentIssue[] {
    return this.#repairs.all();
  }

  error(pointer: string, code: string, message: string, hint?: string): undefined {
    this.#errors.add(pointer, code, message, hint);
  }

  warn(pointer: string, code: string, message: string, hint?: string): undefined {
    this.#warnings.add(pointer, code, message, hint);
  }

  /** The document said something that has only one sensible reading: it was read so. */
  repair(pointer: string, code: string, message: string): undefined {
    this.#repairs.add(pointer, code, message);
  }
}

/** The issues as one error, for callers that stop at it: code `bad-document`, with the first few pointers. */
export function documentError(issues: readonly DocumentIssue[]): MeshError {
  const shown = issues
    .slice(0, 3)
    .map(({ pointer, message }) => `${pointer === '' ? 'document' : pointer}: ${message}`);
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`);
  const hint = issues.find((issue) => issue.hint !== undefined)?.hint;
  return new MeshError('bad-document', shown.join('; '), {
    hint: hint ?? 'Correct the document where the pointers say, or export it once more from the tool that wrote it.',
  });
}

/** One step further down: `pointer` of a member or an item. */
export function below(pointer: string, key: string | number): string {
  if (typeof key === 'number') return `${pointer}/${key}`;
  return `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

class IssueList {
  readonly #listed: DocumentIssue[] = [];
  count = 0;

  add(pointer: string, code: string, message: string, hint?: string): void {
    this.count++;
    if (this.#listed.length < LISTED) {
      this.#listed.push(hint === undefined ? { pointer, code, message } : { pointer, code, message, hint });
    }
  }

  all(): readonly DocumentIssue[] {
    const more = this.count - this.#listed.length;
    return more === 0 ? this.#listed : [...this.#listed, { pointer: '', code: 'more', message: `and ${more} more` }];
  }
}
