// The yardstick of B12: what Nest on Fastify and TypeORM take by themselves.
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { DataSource } from 'typeorm'

class Root {}
Module({})(Root)

const source = await new DataSource({
  type: 'postgres',
  url: process.env.DATABASE_URL,
  entities: [],
  installExtensions: false,
}).initialize()
const app = await NestFactory.create(Root, new FastifyAdapter(), { logger: false })
app.getHttpAdapter().get('/readyz', async (_request, reply) => reply.send(await source.query('SELECT 1')))
await app.listen(Number(process.env.PORT), process.env.HOST)
process.once('SIGTERM', () => process.exit(0))
