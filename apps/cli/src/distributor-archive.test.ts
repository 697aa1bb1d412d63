import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, type MeshError, type Result } from '@meshferry/core';
import type { FirmwareDistributionUploadStatus } from '@meshferry/dfu';
import { parseSimUri, World } from '@meshferry/sim';
import { afterAll, expect, test } from 'vitest';
import { DistributorArchive } from './archive/distributor.ts';
import { readReleases } from './archive/releases.ts';
import { startArchiveServer } from './archive/server.ts';
import type { Io } from './shell/io.ts';
import { firmware, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

const CURRENT = fromHex('59000000000000000000');
const TO = { address: 0x0002, appIndex: 0 };

type Asked = (outcome: Result<FirmwareDistributionUploadStatus, MeshError>) => void;

test('a simulated Distributor fetches firmware from an archive that fw serve would start', async () => {
  const path = join(folder.path, 'lamp');
  mkdirSync(path);
  const made = await firmware(5000);
  writeFileSync(join(path, 'two.zip'), made.zip);
  const { releases } = await readReleases({ cwd: path } as Io, path);
  const requests: (string | undefined)[] = [];
  const server = await startArchiveServer(releases, {
    host: '127.0.0.1',
    port: 0,
    answered: ({ url }) => requests.push(url),
  });
  const archive = new DistributorArchive();
  const world = new World({ sim: parseSimUri('sim:targets=1,distributor=1'), archive: archive.retriever });
  try {
    const { distribution } = world.role;
    const ask = (begin: (done: Asked) => void) =>
      world.run(
        new Promise<FirmwareDistributionUploadStatus>((resolve, reject) => {
          begin((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
        }),
      );
    const start = (uploadUri: string) =>
      ask((done) => distribution.uploadOobStart(TO, { uploadUri, currentFirmwareId: CURRENT }, done));
    const uri = `http://127.0.0.1:${server.port}`;

    expect(await start(`${uri}/nobody`)).toMatchObject({ status: 12, phase: 0 });
    expect(await start('http://fw.example.com/lamp')).toMatchObject({ status: 9, phase: 0 });
    expect(await start(uri)).toMatchObject({ status: 0, phase: 1, uploadType: 'oob', firmwareId: CURRENT });
    expect(await ask((done) => distribution.uploadGet(TO, done))).toMatchObject({ phase: 3, uploadProgress: 100 });
    expect(requests).toEqual(['/nobody/check', '/check', '/get'].map((end) => `${end}?cfwid=59000000000000000000`));
    const { slots } = world.distributor?.role?.distribution ?? {};
    expect(slots?.images).toMatchObject([{ firmwareId: releases[0]?.firmwareId }]);
    expect(slots?.intact(0)?.read(0, made.image.length)).toEqual(made.image);

    await server.close();
    expect(await start(uri)).toMatchObject({ status: 11, phase: 3 });
  } finally {
    world.close();
    archive.close();
    await server.close();
  }
});
