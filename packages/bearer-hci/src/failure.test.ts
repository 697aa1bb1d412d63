import { describe, expect, it } from 'vitest';
import { whatSpeaks } from './failure.ts';

describe('the hint where nothing answers', () => {
  it('names who else may have the controller, as many ports take a second connection and leave it without an answer', () => {
    expect(whatSpeaks(new Uint8Array(), 'no answer to command 0x0C03').hint).toMatch(
      /HCI firmware.* nothing else uses it.* rate .*flow=none/,
    );
  });
});
