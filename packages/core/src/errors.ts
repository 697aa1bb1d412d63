/** The same in every copy of this package. */
const BRAND = Symbol.for('@meshferry/core MeshError');

/**
 * The one family of errors in Meshferry: says what was wrong, with what value, and what to do.
 *
 * `code` is stable, kebab-case and meant for programs (`target-silent`, `image-hash-mismatch`); `message` names the
 * field and the value for people; `hint` says what to do next. Keys never appear in either.
 */
export class MeshError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MeshError';
    this.code = code;
    this.hint = options.hint;
  }

  toJSON(): { code: string; message: string; hint?: string } {
    return { code: this.code, message: this.message, ...(this.hint === undefined ? {} : { hint: this.hint }) };
  }
}

Object.defineProperty(MeshError.prototype, BRAND, { value: true });
Object.defineProperty(MeshError, Symbol.hasInstance, { value: isInstance });

/** Also of another copy of this package: a bearer package of somebody's own may have brought it along. */
function isInstance(this: unknown, value: unknown): boolean {
  if (this === MeshError) return value instanceof Error && BRAND in value;
  // A class that extends it inherits this function.
  return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
}

/** Any thrown thing as a MeshError; what is not one already becomes `internal`. */
export function toMeshError(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MeshError('internal', message, {
    hint: 'This is a defect of Meshferry: please report it.',
    cause: thrown,
  });
}
