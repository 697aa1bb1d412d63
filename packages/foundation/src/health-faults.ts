import { encodeRecord, MeshError, readRecord, type Store } from '@meshferry/core';

/** Faults of one company [Mesh Protocol 1.1, 4.2.16, 4.2.17]. */
export interface CompanyFaults {
  readonly companyId: number;
  /** The most recent test; 0 before the first. */
  testId: number;
  /** Present now; known by this program only, which finds them anew when it starts. */
  readonly current: Set<number>;
  /** Seen since the last clear. */
  registered: ReadonlySet<number>;
}

interface FaultRecord {
  readonly testId: number;
  readonly registered: readonly number[];
}

/** The faults of a Health Server: Registered Faults survive a restart. */
export class HealthFaults implements Iterable<CompanyFaults> {
  readonly #store: Store | undefined;
  readonly #companies = new Map<number, CompanyFaults>();
  readonly #first: CompanyFaults;

  /** Throws `bad-field`. */
  constructor(companies: readonly number[], store: Store | undefined) {
    this.#store = store;
    for (const companyId of companies) this.#companies.set(companyId, restored(store, companyId));
    const [first] = this.#companies.values();
    const wrong = companies.find((id) => !(Number.isInteger(id) && id >= 0 && id <= 0xffff));
    if (first === undefined || wrong !== undefined) {
      throw new MeshError('bad-field', `Health Server of company ${wrong ?? 'none'}`, {
        hint: 'Give one Company Identifier of 16 bits at least: that of the composition.',
      });
    }
    this.#first = first;
  }

  /** Whether any fault is present. */
  get isAny(): boolean {
    for (const { current } of this) if (current.size > 0) return true;
    return false;
  }

  [Symbol.iterator](): Iterator<CompanyFaults> {
    return this.#companies.values();
  }

  find(companyId: number): CompanyFaults | undefined {
    return this.#companies.get(companyId);
  }

  /** Throws `unknown-company`. */
  of(companyId: number = this.#first.companyId): CompanyFaults {
    const company = this.find(companyId);
    if (company !== undefined) return company;
    throw new MeshError('unknown-company', `the Health Server has no faults of company ${companyId}`, {
      hint: 'Name the company when the server is made.',
    });
  }

  /** False when it was present already. Throws `bad-field`, `store-failed`. */
  raise(company: CompanyFaults, fault: number): boolean {
    if (!(Number.isInteger(fault) && fault >= 1 && fault <= 0xff)) {
      throw new MeshError('bad-field', `fault ${fault}`, { hint: 'Give 1 to 255; 0 means that there is none.' });
    }
    if (company.current.has(fault)) return false;
    this.#register(company, company.testId, new Set([...company.registered, fault]));
    company.current.add(fault);
    return true;
  }

  /** Forgets what is registered; what is present stays so. Throws `store-failed`. */
  clear(company: CompanyFaults): void {
    this.#register(company, company.testId, new Set());
  }

  /** A test has ended; undefined: it says nothing about faults. Throws `store-failed`. */
  tested(company: CompanyFaults, testId: number, faults: readonly number[] | undefined): void {
    const found = faults?.filter((fault) => Number.isInteger(fault) && fault >= 1 && fault <= 0xff);
    this.#register(company, testId, found === undefined ? company.registered : new Set(found));
    if (found === undefined) return;
    company.current.clear();
    for (const fault of found) company.current.add(fault);
  }

  #register(company: CompanyFaults, testId: number, registered: ReadonlySet<number>): void {
    const record: FaultRecord = { testId, registered: [...registered] };
    this.#store?.batch([[keyOf(company.companyId), encodeRecord(record)]]);
    company.testId = testId;
    company.registered = registered;
  }
}

function restored(store: Store | undefined, companyId: number): CompanyFaults {
  const record = store === undefined ? undefined : readRecord<FaultRecord>(store, keyOf(companyId));
  const { testId = 0, registered = [] } = record ?? {};
  return { companyId, testId, current: new Set(), registered: new Set(registered) };
}

function keyOf(companyId: number): string {
  return `faults/${companyId.toString(16).padStart(4, '0')}`;
}
