// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/notices.h"

#include "core/backend.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr std::size_t kMost = 50;

} // namespace

Notices::Notices(QObject* parent) : QObject(parent)
{
    setNoticeHandler([this](const std::string& sentence) { // on any thread
        QMetaObject::invokeMethod(
            this, [this, text = QString::fromStdString(sentence)] { add(text); }, Qt::QueuedConnection);
    });
}

Notices::~Notices() { setNoticeHandler({}); }

void Notices::add(const QString& sentence)
{
    const auto known = std::find_if(m_all.begin(), m_all.end(), [&](const Notice& n) { return n.sentence == sentence; });
    const bool isNew = known == m_all.end();
    if (isNew) {
        m_all.insert(m_all.begin(), {sentence, QDateTime::currentDateTime(), 1});
        if (m_all.size() > kMost)
            m_all.pop_back();
    } else {
        ++known->times;
        known->last = QDateTime::currentDateTime();
        std::rotate(m_all.begin(), known, known + 1);
    }
    Q_EMIT changed();
    if (isNew)
        Q_EMIT heard(sentence);
}

} // namespace attnscope
