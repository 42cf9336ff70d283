#include "app/app.h"

int main(int argc, char** argv) { return tributary::app::RunMain(argc, argv); }
