import { xml } from '../../../shared/xml/element.js';
import { formElement } from '../../../shared/xmpp/forms.js';
import { ownerAnswer, type UseCase } from './request.js';

/** The configuration of new nodes (XEP-0060 §8.3). */
export const retrieveDefaults: UseCase = (pep) => {
  const { form, values } = pep.accounts.defaults;
  return ownerAnswer(xml('default', {}, formElement(form, values)));
};
