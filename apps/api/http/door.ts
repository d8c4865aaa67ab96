import { Reflector } from '@nestjs/core';

/** Who is admitted: people and programs with a token of an issuer, directory providers, or everybody. */
export const Door = Reflector.createDecorator<'people' | 'scim' | 'none'>();
