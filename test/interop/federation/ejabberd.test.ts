import { federationTests } from './common.js';

federationTests('ejabberd');
