import { Reflector } from '@nestjs/core';

/** Who is admitted: people and programs with a token of an issuer, directory providers, everybody, or browsers, which get pages. */
export const Door = Reflector.createDecorator<'people' | 'scim' | 'none' | 'browser'>();
