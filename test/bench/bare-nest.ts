import 'reflect-metadata';

import { createServer } from 'node:http';

import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Pool } from 'pg';

/** The floor of an answer on the spot, as a process of its own: a bare Nest call with one INSERT, and bare node:http. */
const pool = new Pool({ connectionString: process.env['KEYTURN_DATABASE_URL'], max: 10 });

class BareController {
  async insert(body: unknown): Promise<{ id: string }> {
    const { rows } = await pool.query<{ id: string }>(
      'insert into bench_row (body) values ($1) returning id',
      [JSON.stringify(body)],
    );
    return { id: String(rows[0]?.id) };
  }
}

// Applied by hand: the program runs without a compiler, which knows no decorators.
Controller('insert')(BareController);
const handler = Object.getOwnPropertyDescriptor(BareController.prototype, 'insert') ?? {};
Post()(BareController.prototype, 'insert', handler);
HttpCode(201)(BareController.prototype, 'insert', handler);
Body()(BareController.prototype, 'insert', 0);
Reflect.defineMetadata('design:paramtypes', [Object], BareController.prototype, 'insert');

// oxlint-disable-next-line typescript/no-extraneous-class -- the framework wants a class to hang the lists on
class BareModule {}
Module({ controllers: [BareController] })(BareModule);

const app = await NestFactory.create(BareModule, { logger: false });
await app.listen(0, '127.0.0.1');
const plain = createServer((request, response) => {
  request.resume().once('end', () => response.end('{}'));
});
plain.listen(0, '127.0.0.1', () => {
  process.send?.({ nest: app.getHttpServer().address().port, http: portOf() });
});
process.once('disconnect', () => process.exit(0));

function portOf(): number {
  const address = plain.address();
  return typeof address === 'object' && address ? address.port : 0;
}
