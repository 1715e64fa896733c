import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The same copy of graphql for our modules as for the libraries that Node loads.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    testTimeout: 60_000,
    // Whether a thing happens at all is asked, not how soon: machines are slow at times.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/faults/**', 'test/admin/**'],
          // Every file clones its own database from one migrated template; the database server is shared.
          globalSetup: ['test/helpers/global-setup.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // By themselves, afterwards: several gateways and a Postgres of their own each.
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // The admin page in a real browser, by itself as well.
          name: 'admin',
          include: ['test/admin/**/*.test.ts'],
          globalSetup: ['test/helpers/global-setup.ts', 'test/admin/build.ts'],
          maxWorkers: 1,
          testTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
