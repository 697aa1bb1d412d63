import { streamOf } from './internals.ts';
import type { NobleLibrary } from './noble-api.ts';

/** That a device has said no, while a service is set up. */
export interface Refusal {
  /** For people. */
  readonly reason: string;
  /** It wants the link encrypted or authenticated. */
  readonly needsPairing: boolean;
}

/** The refusals of a device, from asking for them to {@link Refusals.end}. */
export interface Refusals {
  /** The newest. */
  readonly last: Refusal | undefined;
  /** Rejects at one that nothing will come after: the libraries keep silent about it. */
  readonly final: Promise<never>;
  end(): void;
}

const ATT_CID = 4;
const ATT_ERROR = 0x01;
/** Requests that the libraries make to subscribe: Read By Type, Write. An error of theirs is final. */
const SUBSCRIBING: ReadonlySet<number> = new Set([0x08, 0x12]);
const NOT_FOUND = 0x0a;
/** Errors that say what kind of link a device wants [Bluetooth Core, Vol 3, Part F, 3.4.1.1]. */
const PAIRING: ReadonlyMap<number, string> = new Map([
  [0x05, 'insufficient authentication'],
  [0x0c, 'insufficient encryption key size'],
  [0x0f, 'insufficient encryption'],
]);
/** The libraries answer this one by nothing; the two others by pairing without a code, once. */
const KEY_SIZE = 0x0c;

/**
 * Listens to the errors of a device below the libraries, which tell nobody of them. Where their streams cannot be seen (macOS,
 * Windows) the system pairs by itself, and nothing is heard here.
 */
export function watchRefusals(library: NobleLibrary, id: string): Refusals {
  const stream = streamOf(library, id);
  let last: Refusal | undefined;
  let timesWanted = 0;
  let reject: (reason: Error) => void = () => {};
  const final = new Promise<never>((_, no) => {
    reject = no;
  });
  final.catch(() => {});
  const refused = (reason: string, needsPairing: boolean, isFinal: boolean) => {
    last = { reason, needsPairing };
    if (isFinal) reject(new Error(reason));
  };
  const heard = (cid: number, pdu: Buffer | null) => {
    if (cid !== ATT_CID || pdu?.[0] !== ATT_ERROR || pdu.length < 5) return;
    const [request, code] = [pdu[1]!, pdu[4]!];
    const name = PAIRING.get(code);
    const error = `0x${code.toString(16).toUpperCase().padStart(2, '0')}`;
    if (name !== undefined) {
      timesWanted++;
      refused(`it answered with error ${error} (${name})`, true, code === KEY_SIZE || timesWanted > 1);
    } else if (SUBSCRIBING.has(request) && code !== NOT_FOUND) {
      refused(`it answered with error ${error}`, false, true);
    }
  };
  const notPaired = () => refused('pairing without a code failed', true, true);
  stream?.on('data', heard as never);
  stream?.on('encryptFail', notPaired);
  return {
    get last() {
      return last;
    },
    final,
    end: () => {
      stream?.removeListener('data', heard as never);
      stream?.removeListener('encryptFail', notPaired);
    },
  };
}
