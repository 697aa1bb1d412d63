import { HealthFaultTest } from '../health-messages.ts';
import { HealthServer } from '../health-server.ts';
import type { ReactionFamily } from './reactions.ts';

/** Health Server, which takes messages under an AppKey. */
export const healthReactions: ReactionFamily = {
  name: 'health',
  security: 'app',
  parts: ({ supportedCompanies = ['0059'], testId = 0, registeredFaults = [] }, _host, store) => {
    const companies = (supportedCompanies as readonly string[]).map((id) => Number.parseInt(id, 16));
    const found = registeredFaults as readonly number[];
    const server = new HealthServer({ companies, store, test: (_test, done) => done(found) });
    return {
      models: [server.model],
      prepare: (bench) => {
        // As a client makes it: the test was run.
        if (found.length > 0) bench.ask(HealthFaultTest.encode({ testId: testId as number, companyId: companies[0]! }));
      },
    };
  },
};
