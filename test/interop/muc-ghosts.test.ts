import { ghostsOf } from '../conversations/muc/sections/ghosts.js';

ghostsOf('core', 'the core');
ghostsOf('prosody', 'prosody');
ghostsOf('ejabberd', 'ejabberd');
