// SPDX-License-Identifier: GPL-3.0-or-later
// attnscope: the explorer in a window, or a session's board rendered to files without a display.
#include "gpu/cuda_backend.h"
#include "ui/explorer.h"
#include "ui/metered_application.h"

#include <QCommandLineParser>
#include <QSaveFile>
#include <QSurfaceFormat>

int main(int argc, char** argv)
{
    using namespace attnscope;
    for (int i = 1; i < argc; ++i)
        if (qstrcmp(argv[i], "--export") == 0 && !qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
            qputenv("QT_QPA_PLATFORM", "offscreen");
    MeteredApplication app(argc, argv);
    QApplication::setApplicationName(QStringLiteral("attnscope"));
    QApplication::setApplicationVersion(QStringLiteral(ATTNSCOPE_VERSION));

    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Explorer of attention: exact, approximation and the error between them."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption exportOption(QStringLiteral("export"),
                                          QStringLiteral("Render a session's board, or a model's architecture, without a window."),
                                          QStringLiteral("SESSION.json"));
    const QCommandLineOption outOption(QStringLiteral("out"), QStringLiteral("Folder for --export."), QStringLiteral("DIR"),
                                       QStringLiteral("out"));
    const QCommandLineOption framesOption(QStringLiteral("frame-times"),
                                          QStringLiteral("Write the histogram of frame times to this file when the window closes."),
                                          QStringLiteral("FILE.json"));
    parser.addOptions({exportOption, outOption, framesOption});
    parser.addPositionalArgument(QStringLiteral("FILE"),
                                 QStringLiteral("A text, .npy, .npz, .safetensors, a session, or config.json files of models."),
                                 QStringLiteral("[FILE...]"));
    parser.process(app);

    std::vector<const Backend*> backends{&cpuBackend()};
    for (const auto& backend : cudaBackends())
        backends.push_back(backend);
    if (parser.isSet(exportOption))
        return exportSession(std::move(backends), parser.value(exportOption), parser.value(outOption));
    const int code = runExplorer(std::move(backends), cudaUnavailableReason(), parser.positionalArguments());
    if (parser.isSet(framesOption)) {
        QSaveFile file(parser.value(framesOption));
        if (!file.open(QIODevice::WriteOnly) || file.write(MeteredApplication::frameRecord()->toJson()) < 0 || !file.commit())
            qWarning("The frame times could not be written to %s.", qUtf8Printable(parser.value(framesOption)));
    }
    return code;
}
