import { fromHex, toHex } from '@meshferry/core';
import { newestFor, type Release } from './releases.ts';

/** What a request gets. */
export interface ArchiveAnswer {
  readonly status: 200 | 400 | 404 | 405;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  /** What was handed out or offered, for the log. */
  readonly release?: Release;
}

/**
 * Answers `GET <product>/check?cfwid=HEX` and `GET <product>/get?cfwid=HEX` [spec: firmware-check-https sections 1 to 3].
 * Every release updates any older one at once, so a chain has always the length 1.
 */
export function answerRequest(releases: readonly Release[], method: string, target: string): ArchiveAnswer {
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'only GET is answered', { allow: 'GET, HEAD' });
  const match = /^(?:\/([^/?#]{1,255}))?\/(check|get)\?cfwid=((?:[0-9a-f]{2}){2,108})$/i.exec(target);
  const product = productOf(match?.[1]);
  if (match === null || product === undefined) {
    const known = /\/(check|get)(\?|$)/i.test(target);
    return known ? refusal(400, 'give ?cfwid= with the Firmware ID in hex') : refusal(404, 'there is /check and /get');
  }
  const release = newestFor(releases, product, fromHex(match[3]!));
  if (release === undefined) return refusal(404, 'no newer firmware');
  if (match[2]!.toLowerCase() === 'get') {
    const name = `firmware-${toHex(release.firmwareId)}.tar.gz`;
    const headers = { 'content-type': 'application/gzip', 'content-disposition': `attachment; filename="${name}"` };
    return { status: 200, headers, body: release.archive, release };
  }
  const firmware = {
    firmware_id: toHex(release.firmwareId),
    dfu_chain_size: 1,
    firmware_image_file_size: release.imageSize,
  };
  const body = JSON.stringify({ manifest: { firmware } });
  return { status: 200, headers: { 'content-type': 'application/json' }, body, release };
}

function productOf(segment: string | undefined): string | undefined {
  try {
    return decodeURIComponent(segment ?? '');
  } catch {
    return undefined;
  }
}

function refusal(status: 400 | 404 | 405, text: string, headers: Record<string, string> = {}): ArchiveAnswer {
  return { status, headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` };
}
