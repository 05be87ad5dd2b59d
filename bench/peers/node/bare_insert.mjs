// A webhook handler as one writes it by hand: Fastify, stripe-node's check of the signature, and
// one prepared INSERT through a pool. Nothing is folded. Run: node bare_insert.mjs --port PORT
import { parseArgs } from 'node:util'
import Fastify from 'fastify'
import pg from 'pg'
import Stripe from 'stripe'

const { port } = parseArgs({ options: { port: { type: 'string' } } }).values
const { DATABASE_URL, STRIPE_WEBHOOK_SECRETS } = process.env

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
await pool.query(
  'CREATE TABLE IF NOT EXISTS webhook_events' +
    ' (event_id text PRIMARY KEY, type text, created bigint, payload text)',
)
const insert = {
  name: 'insert',
  text: 'INSERT INTO webhook_events VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
}

const stripe = new Stripe('sk_test_bench')
const app = Fastify({ logger: false })
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
app.get('/', async () => ({ up: true }))
app.post('/webhooks/stripe', async ({ body, headers }) => {
  const event = stripe.webhooks.constructEvent(body, headers['stripe-signature'], STRIPE_WEBHOOK_SECRETS)
  await pool.query({ ...insert, values: [event.id, event.type, event.created, body.toString()] })
  return { received: true }
})
await app.listen({ host: '127.0.0.1', port: Number(port) })
