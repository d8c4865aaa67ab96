import { Reflector } from '@nestjs/core';

/** Who gets in: people and programs with a token of an issuer, providers of the directory, or everybody. */
export const Door = Reflector.createDecorator<'people' | 'scim' | 'none'>();
