// stripe-sync-engine behind Fastify, as its authors do it: the raw body goes to processWebhook.
// Run: node sync_engine.mjs --migrate once, then node sync_engine.mjs --port PORT
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { StripeSync } from '@supabase/stripe-sync-engine'
import Fastify from 'fastify'
import Stripe from 'stripe'

const { values } = parseArgs({ options: { migrate: { type: 'boolean' }, port: { type: 'string' } } })
const { DATABASE_URL, STRIPE_API_PORT, STRIPE_WEBHOOK_SECRETS } = process.env
const STRIPE_KEY = 'sk_test_bench'

async function serve(port) {
  const sync = new StripeSync({
    autoExpandLists: false,
    backfillRelatedEntities: false,
    poolConfig: { connectionString: DATABASE_URL, max: 10 },
    schema: 'stripe',
    stripeSecretKey: STRIPE_KEY,
    stripeWebhookSecret: STRIPE_WEBHOOK_SECRETS,
  })
  // It asks Stripe for a session's line items: here, the fake beside the load generator.
  sync.stripe = new Stripe(STRIPE_KEY, { host: '127.0.0.1', port: STRIPE_API_PORT, protocol: 'http' })

  const app = Fastify({ logger: false })
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  app.get('/', async () => ({ up: true }))
  app.post('/webhooks/stripe', async ({ body, headers }) => {
    await sync.processWebhook(body, headers['stripe-signature'])
    return { received: true }
  })
  await app.listen({ host: '127.0.0.1', port: Number(port) })
}

if (values.migrate) {
  // Only the package's CommonJS build finds its migrations; what fails is logged, and not thrown.
  const { runMigrations } = createRequire(import.meta.url)('@supabase/stripe-sync-engine')
  const error = (...words) => {
    console.error(...words)
    process.exitCode = 1
  }
  const logger = { info: () => {}, error }
  await runMigrations({ databaseUrl: DATABASE_URL, schema: 'stripe', logger })
} else {
  await serve(values.port)
}
