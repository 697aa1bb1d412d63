import { type Cancel, fail, type MeshError, ok } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { OobRefusal, OobRetriever, UriSchemeName } from '@meshferry/dfu';
import { type ArchiveAccess, checkFirmware, fetchFirmware } from '@meshferry/firmware';

export interface HttpsRetrieverOptions {
  /** How an archive is reached, without `signal` and `progress`: those are the retriever's. */
  readonly access: Omit<ArchiveAccess, 'signal' | 'progress'>;
  /** For the composition hash of a package. */
  readonly crypto: CryptoProvider;
  /** What the Distributor lists. Default: https, and http where the access allows it. */
  readonly schemes?: readonly UriSchemeName[];
}

/**
 * How a Distributor fetches firmware by itself: Firmware Check and Firmware Archive over HTTPS
 * [spec: firmware-check-https section 5].
 */
export function httpsRetriever({ access, crypto, schemes }: HttpsRetrieverOptions): OobRetriever {
  return {
    schemes: schemes ?? (access.allowHttp ? ['https', 'http'] : ['https']),
    check: ({ uri, current }, done) =>
      abortable(async (signal) => {
        const checked = await checkFirmware(uri, current, { ...access, signal });
        if (signal.aborted) return;
        if (!checked.ok) done({ refuse: REFUSALS[checked.error.code] ?? 'unreachable' });
        else if (checked.value === null) done({ refuse: 'nothing-newer' });
        else done({ offer: { firmwareId: checked.value.firmwareId, size: checked.value.imageSize } });
      }),
    fetch: ({ uri, current }, { firmwareId, size = 0 }, progress, done) =>
      abortable(async (signal) => {
        const told: ArchiveAccess['progress'] = ({ received, total }) => {
          // An image hardly shrinks in its archive.
          if (!signal.aborted) progress((100 * received) / Math.max(total ?? size, received, 1));
        };
        // How long the chain is plays no part: this is the next update in it.
        const offer = { firmwareId, imageSize: size, chainSize: 1 };
        const fetched = await fetchFirmware(uri, current, offer, { ...access, signal, progress: told }, crypto);
        if (!signal.aborted) done(fetched.ok ? ok(fetched.value) : fail(fetched.error));
      }),
  };
}

/** What the URI itself is to blame for; all else is the way there. */
const REFUSALS: Readonly<Record<MeshError['code'], OobRefusal>> = {
  'bad-uri': 'malformed',
  'scheme-not-supported': 'not-supported',
};

function abortable(run: (signal: AbortSignal) => Promise<void>): Cancel {
  const abort = new AbortController();
  void run(abort.signal);
  return () => abort.abort();
}
