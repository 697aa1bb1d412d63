import {
  FileClose,
  FileHash,
  type FileHashAnswer,
  type FileHashType,
  FileHashTypes,
  FileStatus,
} from '../../messages/file-system.ts';
import { downloadFile, type FileDownloadOptions } from '../../upload/file-download.ts';
import { type FileUploadOptions, startFileUpload } from '../../upload/file-upload.ts';
import type { SmpUpload, SmpUploadReport } from '../../upload/upload.ts';
import type { SmpClient } from '../client.ts';
import type { SmpRequestOptions } from '../client-types.ts';

/** The file system group of a device [spec: smp section 4.7]. Names are whole paths, such as "/lfs1/f.bin". */
export class FileClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  /** Octets of the file. */
  async size(name: string, options?: SmpRequestOptions): Promise<number> {
    return (await this.#client.request(FileStatus, { name }, options)).len;
  }

  /** Hash or checksum; `type` one of {@link hashTypes}, default crc32. */
  hash(params: FileHash, options?: SmpRequestOptions): Promise<FileHashAnswer> {
    return this.#client.request(FileHash, params, options);
  }

  async hashTypes(options?: SmpRequestOptions): Promise<ReadonlyMap<string, FileHashType>> {
    return (await this.#client.request(FileHashTypes, {}, options)).types;
  }

  /** Closes what an up- or download has left open. */
  async close(options?: SmpRequestOptions): Promise<void> {
    await this.#client.request(FileClose, {}, options);
  }

  /** See {@link startFileUpload}. */
  startUpload(name: string, content: Uint8Array, options?: FileUploadOptions): SmpUpload {
    return startFileUpload(this.#client, name, content, options);
  }

  /** {@link startUpload} to its end. */
  upload(name: string, content: Uint8Array, options?: FileUploadOptions): Promise<SmpUploadReport> {
    return this.startUpload(name, content, options).finished;
  }

  /** See {@link downloadFile}. */
  download(name: string, options?: FileDownloadOptions): Promise<Uint8Array> {
    return downloadFile(this.#client, name, options);
  }
}
