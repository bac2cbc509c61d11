"""How strong the tests are: random changes of the code, and which of them no test notices."""
